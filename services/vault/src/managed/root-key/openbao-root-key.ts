import type { OpenBaoPlace } from './openbao-place.js';
import { openBaoPlace } from './openbao-place.js';
import { OpenBaoRequests } from './openbao-requests.js';
import type { PrivatePlace } from './private-file.js';
import { additionalData, keyOf, RemoteRootKey } from './remote-root-key.js';
import type { KekContext } from './root-key-provider.js';
import { RootKeyFault, WRAPPED_KEK_CHARS_MAX } from './root-key-provider.js';

/** `vault:v3:` and base64: the version of the transit key stands in what it made. */
const CIPHERTEXT = /^vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/=]{1,4000}$/;
const BASE64 = /^[A-Za-z0-9+/]{1,128}={0,2}$/;

/**
 * A root key in the transit engine of OpenBao (or of Vault): KEKs travel there and back, the root key never leaves it.
 * Versions of the transit key are its own affair: all of them are one root key here.
 */
export class OpenBaoRootKey extends RemoteRootKey {
  readonly name = 'openbao';
  readonly kid: string;
  readonly standIn: string | undefined;
  readonly #place: OpenBaoPlace;
  readonly #requests: OpenBaoRequests;

  constructor(place: OpenBaoPlace, requests: OpenBaoRequests) {
    super();
    this.#place = place;
    this.#requests = requests;
    this.kid = `root:openbao:${place.path.replaceAll('/', '.')}`;
    this.standIn = place.standIn;
  }

  async wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    const { ciphertext } = await this.#ask('encrypt', { plaintext: base64(kek) }, context);
    if (typeof ciphertext === 'string' && CIPHERTEXT.test(ciphertext) && ciphertext.length <= WRAPPED_KEK_CHARS_MAX)
      return ciphertext;
    throw this.#requests.strange();
  }

  async unwrap(wrapped: string, context: KekContext): Promise<Uint8Array> {
    if (!CIPHERTEXT.test(wrapped)) throw new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.kid}`);
    const { plaintext } = await this.#ask('decrypt', { ciphertext: wrapped }, context);
    if (typeof plaintext === 'string' && BASE64.test(plaintext))
      return keyOf(Buffer.from(plaintext, 'base64'), this.kid);
    throw this.#requests.strange();
  }

  close(): Promise<void> {
    this.#requests.close();
    return Promise.resolve();
  }

  #ask(act: 'encrypt' | 'decrypt', body: object, context: KekContext): Promise<Record<string, unknown>> {
    const associated_data = base64(additionalData(this.kid, context));
    return this.#requests.post(act, `${this.#place.mountUrl}/${act}/${this.#place.key}`, { ...body, associated_data });
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/**
 * Opens a transit key; it is asked for nothing yet.
 * @throws {RootKeyRefused}
 */
export function openOpenBaoRootKey(text: string, files: PrivatePlace): OpenBaoRootKey {
  const place = openBaoPlace(text);
  return new OpenBaoRootKey(place, new OpenBaoRequests(place, files));
}
