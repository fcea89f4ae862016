import type { KeyFile, SignAlg } from '@bulla/crypto';
import { loadSigner, privateJwkOf, utf8 } from '@bulla/crypto';
import type { NoteKey, TreeHead } from '@bulla/crypto/log';
import { noteKeyOf, originOf, pinInOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import { LogMarks } from '../../packages/service-kit/src/audit-log/marks.js';
import { verifiedLog } from '../../packages/service-kit/test/log-reader.js';
import type { Asker } from './signed-requests.js';
import { call } from './signed-requests.js';

/** The log of a service as one of its readers sees it. */
export interface LogPlace {
  /** Of the service. */
  readonly url: string;
  /** What the checkpoints are signed with. */
  readonly key: NoteKey;
  readonly reader: Asker;
}

/** An entry of a log, parsed. */
export interface LogEntry {
  readonly id: string;
  readonly act: string;
  readonly res: string;
  /** Of the request; a service's own acts have none. */
  readonly rid?: string;
  readonly obj: Readonly<Record<string, unknown>>;
}

/** The log of a service as the holder of a key file reads it. @throws {Error} if either has no such key */
export async function logPlaceOf(url: string, pin: string, service: KeyFile, reader: KeyFile): Promise<LogPlace> {
  const record = reader.keys.find(({ pur }) => pur.includes('http'));
  if (record === undefined) throw new Error(`${reader.urn} has no key for requests`);
  const signer = await loadSigner(privateJwkOf(record), record.alg as SignAlg);
  return { url, key: await logKeyOf(pin, service), reader: { keyid: `${reader.urn}#${record.kid}`, signer } };
}

/**
 * What the checkpoints of a service's first log are verified with.
 * @param pin of the organisation whose log it is
 * @throws {Error} if the file has no such key
 */
export async function logKeyOf(pin: string, { urn, keys }: KeyFile): Promise<NoteKey> {
  const record = keys.find((one) => one.pur.includes('checkpoint') && 'log' in one && one.log === 1);
  if (record === undefined) throw new Error(`${urn} has no key for the checkpoints of its first log`);
  const { d: _private, ...publicJwk } = record.jwk as { d?: string };
  return noteKeyOf(originOf({ urn, number: 1, pin: pinInOrigin(pin) }), publicJwk as never);
}

/**
 * Verifies every entry of a log through the routes of its service, and that it begins with each head that was seen of it.
 * @throws {CryptoError} as verifyLog; {Error} where the service does not answer
 */
export async function verifiedEntries({ url, key, reader }: LogPlace, kept: readonly TreeHead[]): Promise<LogEntry[]> {
  const { entries } = await verifiedLog({ get: (path) => call(url, reader, 'GET', path) }, key, { kept });
  return entries as unknown as LogEntry[];
}

/** The head in a checkpoint, whose signature is verified. @throws {CryptoError} as verifyCheckpoint */
export async function headOf(note: string, key: NoteKey): Promise<TreeHead> {
  return (await verifyCheckpoint(utf8(note), { origin: key.name, keys: [key] })).checkpoint;
}

/** What is in a folder of marks: the first of the log and all that processes have put beside it. */
export async function marksIn(folder: string, org: string): Promise<TreeHead[]> {
  return (await new LogMarks(folder).read(org)).map(({ size, root }) => ({ size, root }));
}
