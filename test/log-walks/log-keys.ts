import type { KeyPair, KeyRecord, Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner } from '@bulla/crypto';
import type { NoteSigner, WitnessSigner } from '@bulla/crypto/log';
import { noteKeyOf, witnessKeyOf } from '@bulla/crypto/log';

/** The key of one number: all walks share it, since no number of a walk means anything in another. */
export interface NumberedKey {
  readonly log: number;
  readonly signer: Signer;
  readonly record: KeyRecord;
}

/** Numbers that a walk can come to. */
const NUMBERS = 40;

/** Keys for walks, made once. */
export class LogKeys {
  readonly witness: WitnessSigner;
  readonly #keys: readonly NumberedKey[];

  private constructor(keys: readonly NumberedKey[], witness: WitnessSigner) {
    this.#keys = keys;
    this.witness = witness;
  }

  static async make(): Promise<LogKeys> {
    const pairs = await Promise.all(Array.from({ length: NUMBERS }, () => generateKeyPair('ed25519', 'sig')));
    const keys = await Promise.all(pairs.map((pair, index) => keyOf(pair, index + 1)));
    const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
    const witness = { key: await witnessKeyOf('w1', publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
    return new LogKeys(keys, witness);
  }

  of(log: number): NumberedKey {
    const key = this.#keys[log - 1];
    if (key === undefined) throw new Error('a walk with more numbers than there are keys');
    return key;
  }

  /** What signs notes of a log by the key of a number, which need not be the log's own. */
  async noteSigner(log: number, origin: string): Promise<NoteSigner> {
    const { signer } = this.of(log);
    return { key: await noteKeyOf(origin, signer.publicJwk), signer };
  }
}

async function keyOf({ kid, publicJwk, privateJwk }: KeyPair, log: number): Promise<NumberedKey> {
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const record = { kid, pur: ['checkpoint'], suite: 'ed25519', jwk: publicJwk, log } as unknown as KeyRecord;
  return { log, signer, record };
}
