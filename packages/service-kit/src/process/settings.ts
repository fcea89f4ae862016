import { closeSync, openSync } from 'node:fs';
import * as z from 'zod';
import { beginningOf } from './file-beginning.js';
import { SETTING_NAMES } from './setting-values.js';

/** Bad settings: one line for each, with its name, where it came from and what was expected; never a value. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  /** What the process ends with (docs/guide/configuration.md; EX_CONFIG of sysexits.h). */
  readonly exitCode = 78;
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** One schema for each variable, by its whole name; `.describe()` says in words what is expected. */
export type SettingsShape = Readonly<Record<string, z.ZodType>>;
export type Environment = Readonly<Record<string, string | undefined>>;
export type Settings<Shape extends SettingsShape> = Readonly<{ [Name in keyof Shape]: z.output<Shape[Name]> }>;

const FILE_MAX_BYTES = 65_536;
/** What Kubernetes puts into the environment for every Service of the namespace. */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)(_[A-Z]+)?)$/;
const SERVICE_LINK_CAUSE =
  'Kubernetes sets it for a Service whose name begins with "bulla-": set enableServiceLinks: false, or rename the Service';

/**
 * Reads the environment once: `X`, or the file named by `X_FILE`; an empty variable or file counts as absent.
 * @throws {SettingsError} for a bad value, for both `X` and `X_FILE`, for an unreadable file, and for a `BULLA_*`
 *   variable that no program of the project knows.
 */
export function readSettings<Shape extends SettingsShape>(shape: Shape, source: Environment): Settings<Shape> {
  const lines = unknownVariables(shape, source);
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const found = findValue(name, source);
    if ('fault' in found) {
      lines.push(found.fault);
      continue;
    }
    const result = schema.safeParse(found.value);
    if (result.success) values[name] = result.data;
    else lines.push(badValue(name, found, schema));
  }
  if (lines.length > 0) throw new SettingsError(lines);
  return Object.freeze(values) as Settings<Shape>;
}

interface Found {
  readonly value: string | undefined;
  readonly from: string;
}

function findValue(name: string, source: Environment): Found | { fault: string } {
  const value = source[name];
  const file = name.endsWith('_FILE') ? undefined : source[`${name}_FILE`];
  const from = 'the environment';
  if (file === undefined || file === '') return { value: value === '' ? undefined : value, from };
  if (value !== undefined && value !== '')
    return { fault: `${name}: both it and ${name}_FILE are set; expected one of them` };
  try {
    const bytes = beginningOfFile(file);
    if (bytes.length > FILE_MAX_BYTES)
      return { fault: `${name}_FILE: the file is larger than ${FILE_MAX_BYTES} bytes` };
    const text = bytes.toString('utf8').replace(/\r?\n$/, '');
    return { value: text === '' ? undefined : text, from: `the file that ${name}_FILE names` };
  } catch {
    return { fault: `${name}_FILE: the file it names cannot be read` };
  }
}

function beginningOfFile(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    return beginningOf(descriptor, FILE_MAX_BYTES);
  } finally {
    closeSync(descriptor);
  }
}

function badValue(name: string, found: Found, schema: z.ZodType): string {
  if (found.value === undefined) return `${name} is not set; expected ${schema.description ?? 'a value'}`;
  const cause = /^(tcp|udp):\/\//.test(found.value) ? `; ${SERVICE_LINK_CAUSE}` : '';
  return `${name} (from ${found.from}): expected ${schema.description ?? 'another value'}${cause}`;
}

function unknownVariables(shape: SettingsShape, source: Environment): string[] {
  const known = (name: string) => Object.hasOwn(shape, name) || SETTING_NAMES.has(name);
  return Object.keys(source)
    .filter((name) => name.startsWith('BULLA_') && !known(name) && !known(name.replace(/_FILE$/, '')))
    .map((name) =>
      SERVICE_LINK.test(name)
        ? `${name} (from the environment): not a setting of Bulla; ${SERVICE_LINK_CAUSE}`
        : `${name} (from the environment): not a setting of Bulla; expected one of its documented names`,
    );
}
