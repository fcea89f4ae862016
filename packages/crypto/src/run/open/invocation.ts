import { decodeUtf8 } from '../../encoding/bytes.js';
import type { ParsedJwe, ParsedJws } from '../../tokens/compact.js';
import type { InvocationHeader } from '../invocation.js';
import type { InvocationClaims, InvocationKind } from '../question.js';
import { innerTokenBytes, parseInnerInvocation } from '../invocation.js';
import { openFailed, openWith } from '../../tokens/open/compact.js';
import type { Unwrapper } from '../../keys/signer.js';

export interface OpenedInvocation {
  readonly header: InvocationHeader;
  /** The signed question; its signature is not checked yet. */
  readonly inner: ParsedJws<InvocationClaims>;
}

/**
 * Opens a sealed question and compares its outside with its inside (protocol.md §2.4 step 6).
 * @param kind what its envelope is for; a chat may be larger.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export async function openInvocation(
  outer: ParsedJwe<InvocationHeader>,
  unwrapper: Unwrapper,
  kind: InvocationKind = 'prompt',
): Promise<OpenedInvocation> {
  const plaintext = await openWith(outer, unwrapper);
  try {
    if (plaintext.length > innerTokenBytes(kind)) throw openFailed();
    const inner = parseInnerInvocation(decodeUtf8(plaintext), kind);
    // guard: question-outside
    if (inner.claims.iss !== outer.header.iss || inner.claims.aud !== outer.header.aud) throw openFailed();
    return { header: outer.header, inner };
  } catch {
    throw openFailed();
  } finally {
    plaintext.fill(0);
  }
}
