import type { KeyFile, SealingKey, Signer } from '@bulla/crypto';
import {
  decodeBase64url,
  decodeUtf8,
  encodeBase64url,
  isSealAlg,
  privateJwkOf,
  publicJwkOf,
  randomBytes,
  sealBytes,
  Secret,
  utf8,
} from '@bulla/crypto';
import { parseLetter, sealLetter } from '@bulla/crypto/letters';
import { openBytes, openLetter } from '@bulla/crypto/open';
import { identityOf } from '../../connection/identity.js';
import { HomeError } from '../home/home.js';

/** What binds a sealed answer to its place: under another id it does not open. */
function placeOf(id: string) {
  return utf8(`bulla-receipt/1 ${id}`);
}

/** What receipts are sealed with. */
export interface ReceiptKeys {
  readonly signer: Signer;
  /** This device's own encryption key. */
  readonly to: SealingKey;
}

/**
 * The keys of a device's key file with which it seals receipts to itself.
 * @throws {HomeError} if nothing can be sealed to this device; {CryptoError} key_invalid
 */
export async function receiptKeysOf(file: KeyFile): Promise<ReceiptKeys> {
  const { signer } = await identityOf(file);
  for (const key of file.keys) {
    const { kid, alg } = key;
    if (isSealAlg(alg)) return { signer, to: { kid, use: 'enc', alg, jwk: publicJwkOf(privateJwkOf(key)) } };
  }
  throw new HomeError('this device has no encryption key, to which receipts could be sealed');
}

/**
 * Seals answers to this device: each under a key of this process, which travels with each of them in a letter of the
 * device to itself. So keeping one more costs no operation of a private key.
 */
export class ReceiptSealer {
  readonly #key = new Secret(randomBytes(32));
  readonly #keys: ReceiptKeys;
  readonly #now: () => number;
  #letter: Promise<string> | undefined;

  /** @param now seconds */
  constructor(keys: ReceiptKeys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  /** The text of a receipt: two lines, the letter and the answer. */
  async seal(id: string, answer: string): Promise<string> {
    const { signer, to } = this.#keys;
    this.#letter ??= sealLetter({ content: this.#key.reveal().slice(), at: this.#now() }, signer, to);
    const sealed = await sealBytes(this.#key, utf8(answer), placeOf(id));
    return `${await this.#letter}\n${encodeBase64url(sealed)}\n`;
  }

  /** 128 random bits, in a form that no file and no option has. */
  static newId(): string {
    return `rcp_${encodeHex(randomBytes(16))}`;
  }
}

/**
 * The answer in a receipt that this device sealed.
 * @throws {CryptoError} key_unknown if it was sealed to a key that the file no longer has; open_failed, token_malformed
 */
export async function openReceipt(id: string, text: string, file: KeyFile): Promise<string> {
  const { signer, olderSigners, unwrappers } = await identityOf(file);
  const [letter = '', sealed = ''] = text.trimEnd().split('\n');
  const unwrapper = unwrappers.get(parseLetter(letter).header.kid);
  if (unwrapper === undefined) throw new HomeError(`${id} was sealed to a key that this device no longer has`);
  let failure: unknown;
  for (const { kid, alg, publicJwk: jwk } of [signer, ...olderSigners])
    try {
      const { content } = await openLetter(letter, unwrapper, { kid, use: 'sig', alg, jwk });
      return decodeUtf8(await openBytes(new Secret(content), decodeBase64url(sealed), placeOf(id)));
    } catch (error) {
      failure = error;
    }
  throw failure;
}

function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
