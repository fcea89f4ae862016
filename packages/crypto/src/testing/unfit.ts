import * as z from '#zod';
import { encodeHex, randomBytes, tokenHash, utf8 } from '../encoding/bytes.js';
import { Secret } from '../encoding/secret.js';
import { parseUrn } from '../names/ids.js';
import { DEK_BYTES } from '../prompt/grant.js';
import type { GrantPlace } from '../prompt/grant.js';
import type { Recipient } from '../organisation/directory-keys.js';
import { sealAlgOf, sealTo, sealUnder } from '../tokens/compact.js';

// What no code of ours makes any more, or never made.

/** Where something goes that says it is for a content; what is not given is left out. */
export type UnfitPlace = Omit<GrantPlace, 'protectUntil' | 'dkc'> & Partial<Pick<GrantPlace, 'protectUntil' | 'dkc'>>;

const ANY = z.looseObject({ alg: z.string(), typ: z.string() });

/**
 * A grant, or a deposit, rightly encrypted, with the header that is asked for, and with a key inside that is not the
 * content's.
 * @param inside a random key unless given
 */
export function sealUnfit(
  { sub, ver, dekId: dek, chash, dkc }: UnfitPlace,
  { urn: aud, record }: Recipient,
  { inside = randomBytes(DEK_BYTES), typ = 'bulla-grant+jwe' }: { inside?: Uint8Array; typ?: string } = {},
): Promise<string> {
  const alg = sealAlgOf(record);
  const place = { kid: record.kid, aud, sub, ver, dek, chash, ...(dkc !== undefined && { dkc }) };
  return sealTo({ typ, header: ANY, maxBytes: 1024 }, { alg, enc: 'A256GCM', typ, ...place }, inside, record);
}

/** A content as they were before contents committed to their key, and grants of it, which did not either. */
export interface EarlierContent {
  readonly content: string;
  readonly chash: string;
  readonly grantTo: (recipient: Recipient) => Promise<string>;
}

export async function sealEarlier(
  statement: string,
  { sub, ver }: { sub: string; ver: number },
): Promise<EarlierContent> {
  const inside = randomBytes(DEK_BYTES);
  const dekId = `dek_${encodeHex(randomBytes(16))}`;
  const typ = 'bulla-content+jwe';
  const place = { cty: 'bulla-prompt+jwt', kid: dekId, org: parseUrn(sub)?.org, sub, ver };
  const header = { alg: 'dir', enc: 'A256GCM', typ, ...place, cmt: await tokenHash(statement) };
  const format = { typ, header: ANY, maxBytes: 1 << 20 };
  const content = await sealUnder(format, header, utf8(statement), new Secret(inside));
  const chash = await tokenHash(content);
  return { content, chash, grantTo: (to) => sealUnfit({ sub, ver, dekId, chash }, to, { inside }) };
}
