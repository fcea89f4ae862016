import type { NoteSigner, WitnessSigner } from '@bulla/crypto/log';
import { generateKeyPair, loadSigner } from '@bulla/crypto';
import { noteKeyOf, witnessKeyOf } from '@bulla/crypto/log';

/** A log, or somebody else who signs notes, with a fresh key. */
export async function noteSigner(name: string): Promise<NoteSigner> {
  const pair = await generateKeyPair('ed25519', 'sig');
  return { key: await noteKeyOf(name, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
}

/** A witness with a fresh key. */
export async function witnessSigner(name: string): Promise<WitnessSigner> {
  const pair = await generateKeyPair('ed25519', 'sig');
  return { key: await witnessKeyOf(name, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
}
