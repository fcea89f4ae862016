import { constants, generateKeyPairSync, hash, sign, verify } from 'node:crypto';

/** What a request of a route cannot do without. */
export interface BareWork {
  /** RSA-2048 signatures that are made, in the thread pool. */
  readonly signs: number;
  /** RSA-2048 signatures that are verified. */
  readonly verifies: number;
  /** Length of the answer, as JSON. */
  readonly answerBytes: number;
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

/** Makes the text of an answer from the hash of a request's body, with the RSA of the route. It is worth nothing. */
export function bareAnswers({ signs, verifies, answerBytes }: BareWork): (body: Buffer) => Promise<string> {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  // A key that is its own options: Node finds it at once.
  const [own, others] = [Object.assign(keys.privateKey, PSS), Object.assign(keys.publicKey, PSS)];
  const known = Buffer.from('what somebody else has signed');
  const theirs = sign('sha256', known, own);
  const padding = 'x'.repeat(answerBytes);
  const signed = (bytes: Buffer): Promise<Buffer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    sign('sha256', bytes, own, (error, signature) => (error === null ? resolve(signature) : reject(error)));
    return promise;
  };
  return async (body) => {
    const digest = hash('sha256', body, 'base64url');
    for (let count = 0; count < verifies; count++)
      if (!verify('sha256', known, others, theirs)) throw new Error('forged');
    const made: string[] = [];
    for (let count = 0; count < signs; count++) made.push((await signed(Buffer.from(digest))).toString('base64url'));
    return JSON.stringify({ digest, made, padding });
  };
}
