import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import type { Signer } from '../keys/signer.js';
import { requireSeconds } from '../names/seconds.js';
import type { ParsedNote } from './note.js';
import { isSignedBy, matchSignatures, signAsHolder, signatureLine } from './note.js';
import type { WitnessKey } from './note-key.js';

const TIME_BYTES = 8;

export interface WitnessSigner {
  readonly key: WitnessKey;
  /** Holds the private half of `key`. */
  readonly signer: Signer;
}

/** A witness's word that a checkpoint was the newest one it had seen of this log, and continued all others (C2SP tlog-cosignature). */
export interface Cosignature {
  readonly witness: WitnessKey;
  /** When, in seconds, by the clock of the witness. It may lie in the future: that is for the caller to judge. */
  readonly at: number;
}

/**
 * The line with which a witness cosigns the text of a checkpoint.
 * @param at seconds.
 * @throws {CryptoError} key_invalid if the signer does not hold the key
 */
export async function signCosignature(text: string, at: number, { key, signer }: WitnessSigner): Promise<string> {
  requireSeconds(at);
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, BigInt(at));
  return signatureLine(key, concatBytes(time, await signAsHolder(key, signer, messageOf(text, at))));
}

/**
 * What the given witnesses say in a note, in its order; others count for nothing.
 * @throws {CryptoError} signature_invalid if a cosignature said to be of one of them is not
 */
export async function verifyCosignatures(note: ParsedNote, witnesses: readonly WitnessKey[]): Promise<Cosignature[]> {
  return matchSignatures(note, witnesses, async (witness, stamped) => {
    if (stamped.length <= TIME_BYTES) return undefined;
    const at = Number(new DataView(stamped.buffer, stamped.byteOffset).getBigUint64(0));
    const isGood = await isSignedBy(witness, messageOf(note.text, at), stamped.slice(TIME_BYTES));
    // guard: cosignature-time
    if (!Number.isSafeInteger(at)) return undefined;
    return isGood ? { witness, at } : undefined;
  });
}

function messageOf(text: string, at: number): Bytes {
  return utf8(`cosignature/v1\ntime ${at}\n${text}`);
}
