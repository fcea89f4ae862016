import type { Bytes } from '../../encoding/bytes.js';
import { decodeUtf8 } from '../../encoding/bytes.js';
import { CryptoError } from '../../names/errors.js';
import type { FrameKeys, FrameKind, InReplyTo } from '../frames.js';
import { deriveFrameKeys, FRAME_MAX_BYTES, frameData, frameNonce, parseHead, TAG_BYTES, unpad } from '../frames.js';
import { openFailed, openGcm } from '../../tokens/open/compact.js';
import type { ParsedFin } from '../reply.js';
import { parseFin } from '../reply.js';
import type { Secret } from '../../encoding/secret.js';
import type { TranscriptSummary } from '../../tokens/transcript.js';
import { Transcript } from '../../tokens/transcript.js';

export interface ReplyOpening {
  /** The secret of the question, 32 bytes; the caller wipes it. */
  readonly rsp: Secret;
  readonly head: Bytes;
  /** The responder that was asked, and the question. */
  readonly expect: { readonly iss: string; readonly irt: InReplyTo };
}

/**
 * Opens one reply in order. A delta it returns came from somebody who knows the secret of the question; that it is
 * the responder's, and complete, is known only after `openFinal` and `verifyFin`. Frames go in one after another.
 * Whatever is refused ends the reply: every later call is `stream_truncated`.
 */
export class ReplyOpener {
  readonly #keys: FrameKeys;
  readonly #transcript = new Transcript();
  #end: { readonly fin: ParsedFin; readonly summary: TranscriptSummary } | undefined;
  #open = true;

  private constructor(keys: FrameKeys) {
    this.#keys = keys;
  }

  /** @throws {CryptoError} token_malformed, payload_too_large, envelope_tampered for another question's or responder's head; key_invalid */
  static async start({ rsp, head, expect }: ReplyOpening): Promise<ReplyOpener> {
    const { iss, irt } = parseHead(head);
    // guard: head-question
    if (iss !== expect.iss || irt.jti !== expect.irt.jti || irt.rh !== expect.irt.rh) {
      throw new CryptoError('envelope_tampered', 'the reply is not to this question', { check: 'reply-head' });
    }
    return new ReplyOpener(await deriveFrameKeys(rsp, head));
  }

  /** What was opened. Known only after a good final frame: until then the reply counts as truncated. */
  get transcript(): TranscriptSummary {
    return this.#ended.summary;
  }

  /** The fin, as it was read from a good final frame, for {@link verifyFin}. */
  get fin(): ParsedFin {
    return this.#ended.fin;
  }

  get #ended() {
    if (this.#end === undefined) throw truncated();
    return this.#end;
  }

  /**
   * The delta of the next frame.
   * @throws {CryptoError} open_failed; stream_truncated after the end
   */
  async openFrame(frame: Bytes): Promise<Bytes> {
    this.#close();
    const delta = await this.#decrypt(frame, 'delta');
    this.#transcript.add(delta);
    this.#open = true;
    return delta;
  }

  /**
   * The fin of the final frame, which counts and hashes exactly what was opened. Its signature is for `verifyFin`.
   * @throws {CryptoError} open_failed; stream_truncated if it is no fin or speaks of other deltas, or after the end
   */
  async openFinal(frame: Bytes): Promise<string> {
    this.#close();
    const plaintext = await this.#decrypt(frame, 'final').finally(() => this.#keys.key.wipe());
    const summary = this.#transcript.summary();
    const fin = readFin(plaintext, summary);
    this.#end = { fin, summary };
    return fin.token;
  }

  /** Closed while at work: it stays so unless the work ends well. */
  #close(): void {
    // guard: frame-after-end
    if (!this.#open) throw truncated();
    this.#open = false;
  }

  async #decrypt(frame: Bytes, kind: FrameKind): Promise<Bytes> {
    if (frame.length > FRAME_MAX_BYTES + TAG_BYTES) throw openFailed();
    const { key, base } = this.#keys;
    const [ciphertext, tag] = [frame.slice(0, -TAG_BYTES), frame.slice(-TAG_BYTES)];
    const sealed = { iv: frameNonce(base, this.#transcript.n), ciphertext, tag };
    return unpad(await openGcm(key, sealed, frameData(kind)), kind);
  }
}

/** The fin in a final frame, if it is one and speaks of exactly these deltas. */
function readFin(plaintext: Bytes, summary: TranscriptSummary): ParsedFin {
  try {
    const fin = parseFin(decodeUtf8(plaintext));
    const { n, bytes, sha256 } = fin.claims;
    // guard: frame-truncated without: return fin;
    if (n === summary.n && bytes === summary.bytes && sha256 === summary.sha256) return fin;
  } catch {
    // A final frame without a fin ends nothing: the same refusal, below.
  }
  throw truncated();
}

function truncated(): CryptoError {
  return new CryptoError('stream_truncated', 'the reply is not complete');
}
