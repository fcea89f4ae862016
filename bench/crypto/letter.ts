import type { Bytes, PrivateJwk, SealAlg, SealingKey, SignAlg } from '@bulla/crypto';
import { loadSigner, sealingKeyOf, verifyingKeyOf } from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { sealLetter } from '@bulla/crypto/letters';
import { loadUnwrapper, openLetter } from '@bulla/crypto/open';
import { makePeople, type Person } from './keys.js';
import { spoilToken, type Variant } from './variant.js';

/** Ours: a letter from alice to bob, and one back. */
export async function letterVariant(): Promise<Variant<string>> {
  const { alice, bob, carol } = await makePeople();
  const [from, to, other] = [await sideOf(alice), await sideOf(bob), await sideOf(carol)];
  const seal = (content: Bytes, sender: Side, recipient: Side) =>
    sealLetter({ content, at: Math.floor(Date.now() / 1000) }, sender.signer, recipient.sealingKey);
  const open = async (token: string, recipient: Side, sender: Side) =>
    (await openLetter(token, recipient.unwrapper, sender.verifyingKey)).content;
  return {
    seal: (payload) => seal(payload, from, to),
    open: (token) => open(token, to, from),
    spoil: spoilToken,
    forge: (payload) => seal(payload, other, to),
    answer: {
      make: async (token) => seal(await open(token, to, from), to, from),
      read: (token) => open(token, from, to),
    },
  };
}

type Side = Awaited<ReturnType<typeof sideOf>>;

async function sideOf({ sig, enc }: Person) {
  const sealingKey: SealingKey = sealingKeyOf([await keyMaterialOf(enc.publicJwk, 'enc')]);
  return {
    signer: await loadSigner(sig.privateJwk, sig.alg as SignAlg),
    verifyingKey: verifyingKeyOf([await keyMaterialOf(sig.publicJwk, 'sig')]),
    unwrapper: await loadUnwrapper(enc.privateJwk satisfies PrivateJwk, enc.alg as SealAlg),
    sealingKey,
  };
}
