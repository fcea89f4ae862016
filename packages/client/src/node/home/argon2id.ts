import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Stretching } from '@bulla/crypto/key-files';
import { decodeBase64url, Secret } from '@bulla/crypto';

/** Program of the thread, as text: a developer who bundles the SDK then needs no second file. */
const THREAD = `
const { argon2Sync } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage(argon2Sync('argon2id', workerData));
`;
const KEY_BYTES = 32;

/**
 * Stretches a passphrase to a key of 32 bytes by Argon2id (RFC 9106). It works in a thread of its own and ends with it:
 * on the event loop it would stop everything for half a second, and in the pool of four threads it would stand before
 * files and name look-ups.
 * @param passphrase UTF-8.
 */
export async function stretch(passphrase: Secret, { m, t, p, salt }: Stretching): Promise<Secret> {
  const parameters = {
    message: passphrase.reveal(),
    nonce: decodeBase64url(salt),
    memory: m,
    passes: t,
    parallelism: p,
    tagLength: KEY_BYTES,
  };
  const worker = new Worker(THREAD, { eval: true, workerData: parameters });
  try {
    const [key] = (await once(worker, 'message')) as [Uint8Array];
    return new Secret(new Uint8Array(key));
  } finally {
    await worker.terminate();
  }
}
