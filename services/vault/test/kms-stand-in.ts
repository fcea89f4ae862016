import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Asked, Said } from './provider-stand-in.js';
import { StandIn } from './provider-stand-in.js';

// Made for the tests from the documented JSON protocol of AWS KMS: what it does with a symmetric key. It checks no
// signature of a request, only that there is one.

const [IV_BYTES, TAG_BYTES] = [12, 16];
const refused = (name: string): Said => ({ status: 400, body: { __type: name, message: 'refused' } });
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : '', 'base64');

/** Encrypts and decrypts as KMS does, under keys that are named by their ARN. */
export class KmsStandIn {
  readonly keys = new Map<string, Buffer>();
  readonly server = new StandIn((asked) => this.#answer(asked));

  makeKey(arn: string): void {
    this.keys.set(arn, randomBytes(32));
  }

  #answer({ headers, body }: Asked): Said {
    if (!String(headers.authorization).startsWith('AWS4-HMAC-SHA256 '))
      return refused('MissingAuthenticationTokenException');
    const key = this.keys.get(String(body['KeyId']));
    if (key === undefined) return refused('NotFoundException');
    const aad = Buffer.from(
      JSON.stringify(
        Object.entries(body['EncryptionContext'] ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)),
      ),
    );
    const act = String(headers['x-amz-target']).replace(/^TrentService\./, '');
    return act === 'Encrypt' ? encrypt(key, body, aad) : decrypt(key, body, aad);
  }
}

function encrypt(key: Buffer, { KeyId, Plaintext }: Asked['body'], aad: Buffer): Said {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
  const sealed = Buffer.concat([iv, cipher.update(bytes(Plaintext)), cipher.final(), cipher.getAuthTag()]);
  return {
    status: 200,
    body: { CiphertextBlob: sealed.toString('base64'), KeyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
  };
}

function decrypt(key: Buffer, { KeyId, CiphertextBlob }: Asked['body'], aad: Buffer): Said {
  const sealed = bytes(CiphertextBlob);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG_BYTES));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return {
      status: 200,
      body: { Plaintext: plaintext.toString('base64'), KeyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    };
  } catch {
    return refused('InvalidCiphertextException');
  }
}
