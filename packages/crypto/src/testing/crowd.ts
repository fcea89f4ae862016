import { encodeBase64url, randomBytes } from '../encoding/bytes.js';
import type { DirectoryDocument } from '../organisation/directory.js';
import { mintId, urnOf } from '../names/ids.js';
import type { KeyRecord } from '../keys/keys.js';
import { keyThumbprint } from '../keys/keys.js';

/**
 * Devices by the thousand, with signing keys of which nobody has the private half.
 * @param keys of each
 */
export async function crowdOf(org: string, devices: number, keys: number): Promise<DirectoryDocument['entities']> {
  const record = async (): Promise<KeyRecord> => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(randomBytes(32)) } as const;
    const times = { nbf: 0, use_until: 4_000_000_000, end: 4_000_000_000 };
    const kid = await keyThumbprint(jwk);
    return { kid, use: 'sig', alg: 'Ed25519', suite: 'ed25519', pur: ['http'], ...times, jwk };
  };
  const device = async (): Promise<DirectoryDocument['entities'][string]> => ({
    kind: 'device',
    user: urnOf(org, 'user', mintId('usr')),
    roles: ['invoker'],
    groups: [],
    keys: await Promise.all(Array.from({ length: keys }, record)),
  });
  const entries = Array.from(
    { length: devices },
    async () => [urnOf(org, 'dev', mintId('dev')), await device()] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
