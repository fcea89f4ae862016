import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Asked, Said } from './provider-stand-in.js';
import { StandIn } from './provider-stand-in.js';

// Made for the tests from the documented interface of the transit engine: what it does with a key of type aes256-gcm96.

interface State {
  token: string;
  namespace: string | undefined;
  readonly keys: Map<string, Buffer>;
}

const [IV_BYTES, TAG_BYTES] = [12, 16];
const refused = (status: number, ...errors: string[]): Said => ({ status, body: { errors } });
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : '', 'base64');

/** Encrypts and decrypts as the transit engine does. Keys are named by their paths, such as `transit/bulla`. */
export class OpenBaoStandIn {
  readonly state: State = { token: 'hvs.token-of-the-tests', namespace: undefined, keys: new Map() };
  readonly server = new StandIn((asked) => this.#answer(asked));

  makeKey(path: string): void {
    this.state.keys.set(path, randomBytes(32));
  }

  #answer({ path, headers, body }: Asked): Said {
    const { token, namespace, keys } = this.state;
    if (headers['x-vault-token'] !== token || headers['x-vault-namespace'] !== namespace)
      return refused(403, 'permission denied');
    const [, mount, act, name] = /^\/v1\/([\w/-]+)\/(encrypt|decrypt)\/([\w-]+)$/.exec(path) ?? [];
    const key = keys.get(`${mount}/${name}`);
    if (key === undefined) return refused(404, 'no handler for route');
    const aad = bytes(body['associated_data']);
    return act === 'encrypt' ? encrypt(key, bytes(body['plaintext']), aad) : decrypt(key, body['ciphertext'], aad);
  }
}

function encrypt(key: Buffer, plaintext: Buffer, aad: Buffer): Said {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
  const sealed = Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { status: 200, body: { data: { ciphertext: `vault:v1:${sealed.toString('base64')}`, key_version: 1 } } };
}

function decrypt(key: Buffer, ciphertext: unknown, aad: Buffer): Said {
  const sealed = bytes(typeof ciphertext === 'string' ? ciphertext.replace(/^vault:v1:/, '') : '');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG_BYTES));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return { status: 200, body: { data: { plaintext: plaintext.toString('base64') } } };
  } catch {
    return refused(400, 'invalid ciphertext: unable to decrypt');
  }
}
