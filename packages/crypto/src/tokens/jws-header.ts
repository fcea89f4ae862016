import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import type { Signer } from '../keys/signer.js';

/** By signer and `typ`: they are the same each time. */
const written = new WeakMap<Signer, Map<string, string>>();

/** The protected header of what a signer signs, as it stands in a token (RFC 7515 §4). */
export function jwsHeader(signer: Signer, typ: string): string {
  const ofSigner = written.get(signer) ?? new Map<string, string>();
  written.set(signer, ofSigner);
  const { alg, kid } = signer;
  const header = ofSigner.get(typ) ?? encodeBase64url(utf8(JSON.stringify({ alg, typ, kid })));
  ofSigner.set(typ, header);
  return header;
}
