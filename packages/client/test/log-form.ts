import type { KeyRecord } from '@bulla/crypto';
import type { KeyPair } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';

/** How the logs of a test are named: as before keys had numbers, or by pin and number. */
export type LogForm = 'old' | 'numbered';

type TestMember = TestOrganisation['vault'];

const made = new Map<string, Promise<KeyPair>>();

/** The key of a log with a higher number than the first, of which the member has the key itself. */
export function logKeyPair({ urn, keyFile }: TestMember, number: number): Promise<KeyPair> {
  const own = keyFile.keys.find((key) => 'log' in key && key.log === number);
  if (own !== undefined) throw new Error(`log ${number} has a key in the file`);
  const slot = `${urn} ${number}`;
  const pair = made.get(slot) ?? generateKeyPair('ed25519', 'sig');
  made.set(slot, Promise.resolve(pair));
  return Promise.resolve(pair);
}

/** Its record in a directory. */
export async function numberedKey(member: TestMember, number: number): Promise<KeyRecord> {
  const first = member.entity.keys.find(({ log }) => log !== undefined);
  if (first === undefined) throw new Error('no key for checkpoints');
  const { kid, publicJwk } = await logKeyPair(member, number);
  return { ...first, kid, jwk: publicJwk, log: number };
}
