import { KeyObject } from 'node:crypto';
import { platform } from '../../packages/crypto/src/platform/platform-node.js';

/** So many are remembered at most. */
const REMEMBERED_MAX = 20_000;

/** Does work in which no signature is verified twice: a walk would spend a third of its time on that. */
export async function rememberingSignatures<Value>(work: () => Promise<Value>): Promise<Value> {
  const own = { ...platform };
  const names = new WeakMap<CryptoKey, string>();
  const known = new Map<string, boolean>();
  platform.verify = async (method, key, signature, bytes) => {
    const keyText = names.get(key) ?? textOf(KeyObject.from(key).export({ format: 'der', type: 'spki' }));
    names.set(key, keyText);
    const name = [method.key.name, keyText, textOf(signature), textOf(bytes)].join(' ');
    const before = known.get(name);
    if (before !== undefined) return before;
    const isGood = await own.verify(method, key, signature, bytes);
    if (known.size >= REMEMBERED_MAX) known.clear();
    known.set(name, isGood);
    return isGood;
  };
  try {
    return await work();
  } finally {
    Object.assign(platform, own);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
