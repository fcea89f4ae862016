import { Label, PromptName, PromptQuery } from '@bulla/contract';
import { parseUrn } from '@bulla/crypto';
import { UsageError } from './usage-error.js';

/** @throws {UsageError} */
export function requirePromptName(text: string): string {
  if (PromptName.safeParse(text).success) return text;
  throw new UsageError(
    'that is not the name of a prompt',
    'names are lower-case words with hyphens, in folders: claims/triage',
  );
}

/** @throws {UsageError} */
export function requirePrefix(text: string): string {
  if (PromptQuery.shape.prefix.safeParse(text).success) return text;
  throw new UsageError(
    'no name of a prompt begins like that',
    'names are lower-case words with hyphens, in folders: claims/triage',
  );
}

/** @throws {UsageError} */
export function requireLabel(text: string): string {
  if (Label.safeParse(text).success) return text;
  throw new UsageError('that is not a label', 'labels are lower-case words with hyphens: production, staging');
}

const VERSION = /^v?([1-9][0-9]{0,8})$/;

/**
 * A version as people write it, and as commands print it: `3` or `v3`.
 * @throws {UsageError}
 */
export function requireVersion(text: string): number {
  const [, digits] = VERSION.exec(text) ?? [];
  if (digits !== undefined) return Number(digits);
  throw new UsageError(
    'that is not a version',
    'versions are whole numbers that count from 1, as 3 or v3; `bulla prompt history NAME` lists them',
  );
}

/** A prompt, and which of its versions is meant, if that was said. */
export interface NamedVersion {
  readonly name: string;
  readonly version?: number;
  readonly label?: string;
}

/**
 * A prompt with or without a version: `claims/triage`, `claims/triage@3`, `claims/triage@v3`, `claims/triage@production`. A
 * label that looks like a version is named with an option.
 * @throws {UsageError}
 */
export function requireNamedVersion(text: string): NamedVersion {
  const at = text.lastIndexOf('@');
  if (at < 0) return { name: requirePromptName(text) };
  const name = requirePromptName(text.slice(0, at));
  const rest = text.slice(at + 1);
  return VERSION.test(rest) ? { name, version: requireVersion(rest) } : { name, label: requireLabel(rest) };
}

/**
 * A prompt and one version of it, said in one word or in two: `claims/triage@3`, or `claims/triage` and `3`.
 * @returns version undefined if none was said
 * @throws {UsageError} if both say one, or a label is named
 */
export function requireNameAndVersion(text: string, apart: string | undefined): Omit<NamedVersion, 'label'> {
  const { name, version, label } = requireNamedVersion(text);
  if (label !== undefined)
    throw new UsageError('that is a label, and a version is wanted here', 'versions are 3 or v3: claims/triage@3');
  if (apart === undefined) return { name, ...(version !== undefined && { version }) };
  if (version !== undefined) throw new UsageError('the version was named twice', `leave one out: ${name} v${version}`);
  return { name, version: requireVersion(apart) };
}

/** As whom names are shown: a device, and what people are called there. */
export interface Beholder {
  readonly self: string;
  /** What the person is called whose device it is. */
  readonly personOf: (urn: string) => string | undefined;
}

/** A URN in few words: who it is, as seen by `by`, a device alone or a beholder. */
export function shortName(urn: string, by: string | Beholder): string {
  const { self, personOf } = typeof by === 'string' ? { self: by, personOf: () => undefined } : by;
  if (urn === self) return 'this device';
  const person = personOf(urn);
  return person === undefined ? shortUrn(urn) : `${shortUrn(urn)} (${person})`;
}

function shortUrn(urn: string): string {
  const parsed = parseUrn(urn);
  if (parsed === undefined) return urn;
  if (parsed.kind === 'recovery') return 'recovery key';
  return urn.split(':').slice(3).join(':').replace(/^svc:/, '').replace(':', ' ');
}
