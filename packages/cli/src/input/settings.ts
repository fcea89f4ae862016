import { closeSync, openSync, readSync } from 'node:fs';
import type { PiiMode, PiiSettings } from '@bulla/client';
import { isPiiDetector, PII_MODES } from '@bulla/client';
import type { Io } from '../io.js';

/** A setting that cannot be used; the message names it, where it came from and what was expected, never its value. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
  readonly exitCode = 78;
}

/** What commands that talk to a vault take from the environment; options of the command line go before it. */
export interface ClientSettings {
  /** BULLA_HOME: the folder of this user; `~/.bulla` unless set. */
  readonly home: string | undefined;
  /** BULLA_URL: the vault, in the place of the profile's. */
  readonly url: string | undefined;
  /** BULLA_PROFILE: the path of a profile file, in the place of the home folder's. */
  readonly profile: string | undefined;
  /** BULLA_IDENTITY: the path of a device's key file, in the place of the home folder's. */
  readonly identity: string | undefined;
  /** BULLA_PII and what belongs to it: what becomes of personal data in questions before they are sealed. */
  readonly pii: PiiSettings;
}

const FILE_MAX_BYTES = 65_536;

/**
 * Reads the client's settings: `X`, or the file named by `X_FILE`; an empty variable counts as absent.
 * @throws {SettingError}
 */
export function readClientSettings(env: Io['env']): ClientSettings {
  return {
    home: readSetting(env, 'BULLA_HOME'),
    url: requireHttpUrl('BULLA_URL (from the environment)', readSetting(env, 'BULLA_URL')),
    profile: readSetting(env, 'BULLA_PROFILE'),
    identity: readSetting(env, 'BULLA_IDENTITY'),
    pii: readPiiSettings(env),
  };
}

function readPiiSettings(env: Io['env']): PiiSettings {
  const mode = readSetting(env, 'BULLA_PII') ?? 'off';
  // guard: setting-pii-mode
  if (!isPiiMode(mode)) throw new SettingError(`BULLA_PII: expected one of ${PII_MODES.join(', ')}`);
  const country = readSetting(env, 'BULLA_PII_COUNTRY');
  if (country !== undefined && !/^[A-Z]{2}$/.test(country))
    throw new SettingError('BULLA_PII_COUNTRY: expected two capitals such as DE');
  const detector = readSetting(env, 'BULLA_PII_DETECTOR');
  // guard: setting-pii-detector
  if (detector !== undefined && !isPiiDetector(detector))
    throw new SettingError(
      'BULLA_PII_DETECTOR: expected an https URL without a password, or an http URL of this machine',
    );
  const tools = (readSetting(env, 'BULLA_PII_TOOLS') ?? '').split(',').map((name) => name.trim());
  return { mode, country, detector, tools: tools.filter((name) => name !== '') };
}

function isPiiMode(text: string): text is PiiMode {
  return PII_MODES.some((mode) => mode === text);
}

/**
 * The address of a vault.
 * @param source what the error calls it.
 * @throws {SettingError}
 */
export function requireHttpUrl(source: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isBase =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  if (!isBase) throw new SettingError(`${source}: expected a URL such as https://vault.example`);
  return text;
}

/**
 * One setting: `X`, or what the file named by `X_FILE` holds without the newline at its end.
 * @throws {SettingError}
 */
export function readSetting(env: Io['env'], name: string): string | undefined {
  const value = present(env[name]);
  const file = present(env[`${name}_FILE`]);
  if (file === undefined) return value;
  if (value !== undefined) throw new SettingError(`${name}: both it and ${name}_FILE are set; expected one of them`);
  let bytes: Buffer;
  try {
    bytes = beginningOf(file);
  } catch {
    throw new SettingError(`${name}_FILE: the file it names cannot be read`);
  }
  if (bytes.length > FILE_MAX_BYTES)
    throw new SettingError(`${name}_FILE: the file is larger than ${FILE_MAX_BYTES} bytes`);
  return present(bytes.toString('utf8').replace(/\r?\n$/, ''));
}

/** What a file holds, up to one byte more than it may: it may be one without end. */
function beginningOf(file: string): Buffer {
  const bytes = Buffer.alloc(FILE_MAX_BYTES + 1);
  const descriptor = openSync(file, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function present(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
