import type { KeyFile, KeyPurpose, SuiteId } from '@bulla/crypto';
import { isCheckpointKey, parseUrn } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import type { FileKey } from '../home/key-file.js';
import { isManagedKey } from '../../trust/managed-names.js';
import { withManagedKeys } from './managed-keys.js';
import { makeCheckpointKey, makeKey, readKeyFile, writeKeyFile } from '../home/key-file.js';

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
  const keys = await freshKeysOf(before, options);
  const fresh: KeyFile = { ...before, keys };
  await writeKeyFile(to.home, to.name, fresh);
  return fresh;
}

async function allFresh({ urn, keys }: KeyFile, suite: SuiteId | undefined): Promise<FileKey[]> {
  const isVault = parseUrn(urn)?.id === 'vault';
  const others = keys.filter((key) => !isCheckpointKey(key) && !(isVault && isManagedKey(key)));
  const fresh: FileKey[] = [];
  for (const newest of newestOfEach(others)) fresh.push(await makeKey(suite ?? newest.suite, newest.use, newest.pur));
  if (signsCheckpoints(urn)) fresh.push(await makeCheckpointKey());
  const [first] = fresh;
  return isVault && first !== undefined ? (await withManagedKeys({ keys: fresh }, first.suite)).keys : fresh;
}

async function freshKeysOf(before: KeyFile, { beside = [], suite, makeSigning }: FreshKeys): Promise<FileKey[]> {
  if (beside.length === 0) return allFresh(before, suite);
  let { keys } = before;
  for (const kind of beside) keys = await WITH[kind]({ ...before, keys }, suite, makeSigning);
  return keys;
}

type With = (before: KeyFile, suite: SuiteId | undefined, makeSigning?: MakeSigning) => Promise<FileKey[]>;
const WITH: Record<FreshKind, With> = {
  signing: withSigningKeys,
  encryption: withEncryptionKey,
  checkpoint: withCheckpointKey,
  managed: withKeysForManaged,
};

/** The keys that are there, with a fresh one before the newest for each purpose that something is signed for. */
async function withSigningKeys(
  { urn, keys }: KeyFile,
  suite: SuiteId | undefined,
  makeSigning?: MakeSigning,
): Promise<FileKey[]> {
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
  return all;
}

/** The first of those that are for the same. */
function newestOfEach(keys: readonly FileKey[]): FileKey[] {
  return [...Map.groupBy(keys, ({ pur }) => pur.join(' ')).values()].flatMap(([newest]) => newest ?? []);
}

/** The keys that are there, with a fresh one to seal to before older ones: the service opens what is sealed to either. */
async function withEncryptionKey({ urn, keys }: KeyFile, suite: SuiteId | undefined): Promise<FileKey[]> {
  const newest = keys.find(({ pur }) => pur.includes('unwrap'));
  if (newest === undefined || !signsCheckpoints(urn))
    throw new HomeError(`nothing is sealed to ${urn} as a service: only a responder has encryption keys`);
  const fresh = await makeKey(suite ?? newest.suite, 'enc', newest.pur);
  return keys.flatMap((key) => (key === newest ? [fresh, key] : [key]));
}

/** The keys that are there, with a fresh one for checkpoints before older ones. */
async function withCheckpointKey({ urn, keys }: KeyFile): Promise<FileKey[]> {
  if (!signsCheckpoints(urn)) throw new HomeError(`${urn} signs no checkpoints: it is neither a vault nor a responder`);
  const others = keys.filter((key) => !isCheckpointKey(key));
  return [...others, await makeCheckpointKey(), ...keys.filter(isCheckpointKey)];
}

/** The keys that are there, with those for managed names where a vault has none. */
async function withKeysForManaged(before: KeyFile, suite: SuiteId | undefined): Promise<FileKey[]> {
  const [first] = before.keys;
  if (parseUrn(before.urn)?.id !== 'vault' || first === undefined)
    throw new HomeError(`${before.urn} manages no names: only a vault does`);
  return (await withManagedKeys(before, suite ?? first.suite)).keys;
}

function signsCheckpoints(urn: string): boolean {
  const { kind, id = '' } = parseUrn(urn) ?? {};
  return kind === 'svc' && /^(?:vault$|responder:)/.test(id);
}
