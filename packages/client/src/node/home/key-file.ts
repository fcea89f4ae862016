import type { KeyFile, KeyPurpose, KeyRecord, SuiteId } from '@bulla/crypto';
import {
  CHECKPOINT_SUITE,
  generateKeyPair,
  isCheckpointKey,
  keyFileSchema,
  publicJwkOf,
  withNewRowSecret,
} from '@bulla/crypto';
import type { Home } from './home.js';
import { HomeError } from './home.js';

export type FileKey = KeyFile['keys'][number];

/** Until when a key signs or is encrypted to, and until when it still verifies or opens; seconds from its start. */
export interface KeyLife {
  readonly use: number;
  readonly end: number;
}

/** Fresh keys of one entity: one that signs for `sig`, and one that is encrypted to where `enc` is given. */
export async function makeKeyFile(
  org: string,
  urn: string,
  suite: SuiteId,
  sig: KeyPurpose[],
  enc?: KeyPurpose[],
): Promise<KeyFile> {
  const keys = [await makeKey(suite, 'sig', sig)];
  if (enc !== undefined) keys.push(await makeKey(suite, 'enc', enc));
  return { v: 1, org, urn, keys };
}

/** A fresh key for a key file. */
export async function makeKey(suite: SuiteId, use: 'sig' | 'enc', pur: KeyPurpose[]): Promise<FileKey> {
  const pair = await generateKeyPair(suite, use);
  return { kid: pair.kid, use, alg: pair.alg, suite, pur, jwk: pair.privateJwk };
}

/** A fresh key for the checkpoints of one log of a service. @param log its number, from 1 on. */
export async function makeCheckpointKey(log: number): Promise<FileKey> {
  return { ...(await makeKey(CHECKPOINT_SUITE, 'sig', ['checkpoint'])), log };
}

/**
 * The same file with a fresh key for a log's checkpoints, before those that are there, and a fresh row secret before older
 * ones. The first key of a purpose is the one that signs.
 */
export async function withLogKey(file: KeyFile, log: number): Promise<KeyFile> {
  const made = await makeCheckpointKey(log);
  const others = file.keys.filter((key) => !isCheckpointKey(key));
  return withNewRowSecret({ ...file, keys: [...others, made, ...file.keys.filter(isCheckpointKey)] });
}

/** The number of the log whose checkpoints a key signs; undefined for one from before there were numbers, and for others. */
export function logOf(key: FileKey): number | undefined {
  return 'log' in key ? key.log : undefined;
}

/** The public half of a key as a directory lists it. `start` in seconds. */
export function recordOf(key: FileKey, start: number, life: KeyLife): KeyRecord {
  const { kid, use, alg, suite, pur } = key;
  const log = logOf(key);
  return {
    kid,
    use,
    alg,
    suite,
    pur,
    ...(log !== undefined && { log }),
    nbf: start,
    use_until: start + life.use,
    end: start + life.end,
    jwk: publicJwkOf(key.jwk),
  };
}

/** The keys in a file, made and written when it is not there. */
export async function keyFileOnce(home: Home, name: string, make: () => Promise<KeyFile>): Promise<KeyFile> {
  const stored = await readKeyFile(home, name);
  if (stored !== undefined) return stored;
  const made = await make();
  await writeKeyFile(home, name, made);
  return made;
}

/** Replaces a key file. @throws {HomeError} if it could not be read again: what is there stays then */
export async function writeKeyFile(home: Home, name: string, file: KeyFile): Promise<void> {
  // guard: key-file-readable
  if (!keyFileSchema.safeParse(file).success)
    throw new HomeError(`what was to be written to ${home.path(name)} is not a key file; the file stays as it is`);
  return home.writeSecret(name, `${JSON.stringify(file, null, 2)}\n`);
}

/**
 * Reads a key file that its owner alone may read.
 * @returns undefined if there is none.
 * @throws {HomeError} naming the file and what is wrong, never a value
 */
export async function readKeyFile(home: Home, name: string): Promise<KeyFile | undefined> {
  const text = await home.readSecret(name);
  if (text === undefined) return undefined;
  const result = keyFileSchema.safeParse(parseJson(text));
  if (result.success) return result.data;
  const where = pathIn(result.error.issues[0]).map(String).join('/');
  throw new HomeError(`${home.path(name)} is not a key file (wrong at /${where}); restore it from a backup`);
}

interface Issue {
  readonly path: readonly PropertyKey[];
  /** Of a key, what it lacks of each kind: in the file, or in a token. */
  readonly errors?: readonly (readonly Issue[])[];
}

/** Where something is wrong; of a key, as the kind that it is nearly one of. */
function pathIn(issue: Issue | undefined): readonly PropertyKey[] {
  if (issue === undefined) return [];
  const [nearest = []] = (issue.errors ?? []).toSorted((left, right) => left.length - right.length);
  return [...issue.path, ...pathIn(nearest[0])];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's message quotes the text, which holds keys.
    return undefined;
  }
}
