import type { KeyFile, KeyPurpose, SuiteId } from '@bulla/crypto';
import { isCheckpointKey, parseUrn } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import type { FileKey } from '../home/key-file.js';
import { isManagedKey } from '../../trust/managed-names.js';
import { withManagedKeys } from './managed-keys.js';
import { makeKey, readKeyFile, withLogKey, writeKeyFile } from '../home/key-file.js';
import { highestMark, nextLog } from './log-keys.js';

/** A file of keys, wherever it lies. */
export interface KeyPlace {
  readonly home: Home;
  readonly name: string;
}

/** What a service may get a key of, beside those that it has. */
export const FRESH_KINDS = ['signing', 'encryption', 'checkpoint', 'managed'] as const;
export type FreshKind = (typeof FRESH_KINDS)[number];

export interface FreshKeys {
  /** Instead of that of the newest key of each use. A key for checkpoints has the one that there is for it. */
  readonly suite?: SuiteId | undefined;
  /** What is fresh beside the keys that are there, which are taken over; all keys are fresh unless given. */
  readonly beside?: readonly FreshKind[] | undefined;
  /** The folder of the service's marks, which may know of a higher number of a log than the file; none unless given. */
  readonly marks?: string | undefined;
  /** Makes a signing key that is to lie beside others; in the file unless given. */
  readonly makeSigning?: MakeSigning | undefined;
}

/** A fresh signing key of a suite for some purposes. */
type MakeSigning = (suite: SuiteId, purposes: KeyPurpose[]) => Promise<FileKey>;

/**
 * Writes a file of fresh keys for the entity of another: one for the purposes of each that is the newest there, of its
 * suite unless another is given; of a vault or responder one for checkpoints, and of a vault those for managed names.
 * Nothing is overwritten, and the other file stays as it is.
 * @throws {HomeError} if there is nothing to go by, a file is there already, or the entity has no such keys
 */
export async function writeFreshKeys(like: KeyPlace, to: KeyPlace, options: FreshKeys = {}): Promise<KeyFile> {
  const path = to.home.path(to.name);
  if ((await to.home.read(to.name)) !== undefined) throw new HomeError(`${path} is there already: nothing was written`);
  const before = await readKeyFile(like.home, like.name);
  if (before === undefined) throw new HomeError(`there is no file ${like.home.path(like.name)}`);
  const fresh = await freshFileOf(before, options);
  await writeKeyFile(to.home, to.name, fresh);
  return fresh;
}

async function allFresh(before: KeyFile, { suite, marks }: FreshKeys): Promise<KeyFile> {
  const { urn, keys } = before;
  const isVault = parseUrn(urn)?.id === 'vault';
  const others = keys.filter((key) => !isCheckpointKey(key) && !(isVault && isManagedKey(key)));
  const made: FileKey[] = [];
  for (const newest of newestOfEach(others)) made.push(await makeKey(suite ?? newest.suite, newest.use, newest.pur));
  const fresh = { ...before, keys: made };
  const logging = signsCheckpoints(urn) ? await withLogKey(fresh, await logAfter(before, marks)) : fresh;
  const [first] = made;
  return isVault && first !== undefined ? withManagedKeys(logging, first.suite) : logging;
}

async function freshFileOf(before: KeyFile, options: FreshKeys): Promise<KeyFile> {
  const { beside = [] } = options;
  if (beside.length === 0) return allFresh(before, options);
  let file = before;
  for (const kind of beside) file = await WITH[kind](file, options);
  return file;
}

type With = (before: KeyFile, options: FreshKeys) => Promise<KeyFile>;
const WITH: Record<FreshKind, With> = {
  signing: withSigningKeys,
  encryption: withEncryptionKey,
  checkpoint: withCheckpointKey,
  managed: withKeysForManaged,
};

/** The keys that are there, with a fresh one before the newest for each purpose that something is signed for. */
async function withSigningKeys(before: KeyFile, { suite, makeSigning }: FreshKeys): Promise<KeyFile> {
  const { urn, keys } = before;
  const isService = signsCheckpoints(urn);
  if (!isService && !keys.some(({ pur }) => pur.includes('fresh')))
    throw new HomeError(`${urn} is neither a vault nor a responder nor a renewer`);
  // guard: token-service
  if (!isService && makeSigning !== undefined)
    throw new HomeError(`${urn} signs by the keys in its file: a vault or a responder can have keys in a token`);
  const make = makeSigning ?? ((of, purposes) => makeKey(of, 'sig', purposes));
  const signing = keys.filter((key) => key.use === 'sig' && !isCheckpointKey(key));
  const newest = new Set(newestOfEach(signing));
  const all: FileKey[] = [];
  for (const key of keys) all.push(...(newest.has(key) ? [await make(suite ?? key.suite, key.pur)] : []), key);
  return { ...before, keys: all };
}

/** The first of those that are for the same. */
function newestOfEach(keys: readonly FileKey[]): FileKey[] {
  return [...Map.groupBy(keys, ({ pur }) => pur.join(' ')).values()].flatMap(([newest]) => newest ?? []);
}

/** The keys that are there, with a fresh one to seal to before older ones: the service opens what is sealed to either. */
async function withEncryptionKey(before: KeyFile, { suite }: FreshKeys): Promise<KeyFile> {
  const { urn, keys } = before;
  const newest = keys.find(({ pur }) => pur.includes('unwrap'));
  if (newest === undefined || !signsCheckpoints(urn))
    throw new HomeError(`nothing is sealed to ${urn} as a service: only a responder has encryption keys`);
  const fresh = await makeKey(suite ?? newest.suite, 'enc', newest.pur);
  return { ...before, keys: keys.flatMap((key) => (key === newest ? [fresh, key] : [key])) };
}

/** The keys that are there, with the key of the next log before older ones, and a fresh row secret. */
async function withCheckpointKey(before: KeyFile, { marks }: FreshKeys): Promise<KeyFile> {
  const { urn } = before;
  if (!signsCheckpoints(urn)) throw new HomeError(`${urn} signs no checkpoints: it is neither a vault nor a responder`);
  return withLogKey(before, await logAfter(before, marks));
}

/** The keys that are there, with those for managed names where a vault has none. */
async function withKeysForManaged(before: KeyFile, { suite }: FreshKeys): Promise<KeyFile> {
  const [first] = before.keys;
  if (parseUrn(before.urn)?.id !== 'vault' || first === undefined)
    throw new HomeError(`${before.urn} manages no names: only a vault does`);
  return withManagedKeys(before, suite ?? first.suite);
}

function signsCheckpoints(urn: string): boolean {
  const { kind, id = '' } = parseUrn(urn) ?? {};
  return kind === 'svc' && /^(?:vault$|responder:)/.test(id);
}

async function logAfter(before: KeyFile, marks: string | undefined): Promise<number> {
  const next = nextLog(before, [], 0);
  return marks === undefined ? next : Math.max(next, (await highestMark(marks, next)) + 1);
}
