import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseShare, randomBytes, Secret } from '@bulla/crypto';
import type { DealtShares } from '@bulla/crypto/open';
import { dealShares } from '@bulla/crypto/open';
import type { RootKeyProvider } from '../src/managed/root-key/root-key-provider.js';
import { ShamirRootKey } from '../src/managed/root-key/shamir-root-key.js';
import { describeRootKey } from './root-key-contract.js';
import type { Rig } from './root-key-rigs.js';
import { CONTEXT, describeWhere, KINDS } from './root-key-rigs.js';

// Root keys that never come into this process, and shares of people: what every root key does, and what troubles these.

for (const [title, isThere, make] of KINDS)
  describeWhere(isThere)('elsewhere', () => {
    let rig: Rig;
    describeRootKey({
      title,
      open: async () => rig.provider(),
      openOther: async () => rig.provider('other'),
      prepare: async () => void (rig = await make()),
      remove: () => rig.stop(),
      hang: async () => rig.hang(),
      down: () => rig.down(),
    });
  });

for (const [title, isThere, make] of KINDS)
  describeWhere(isThere)(title, () => {
    let rig: Rig;
    let provider: RootKeyProvider;
    let wrapped: string;
    beforeAll(async () => {
      rig = await make();
      provider = rig.provider();
      wrapped = await provider.wrap(new Uint8Array(32), CONTEXT);
    });
    afterAll(async () => {
      await provider.close();
      await rig.stop();
    });

    it('is not taken for what would be used in production', () => expect(provider.standIn).toMatch(rig.standIn));

    it('opens no key in the place of another [guard: openbao-wrong-key] [guard: aws-wrong-key] [guard: pkcs11-wrong-key]', async () => {
      const elsewhere = provider.unwrap(wrapped, { ...CONTEXT, kver: 8 });
      await expect(elsewhere).rejects.toMatchObject({ code: 'wrong_key' });
    });

    it('opens nothing that is as long as no key is [guard: remote-key-length]', async () => {
      const short = await provider.wrap(new Uint8Array(31), CONTEXT);
      await expect(provider.unwrap(short, CONTEXT)).rejects.toMatchObject({ code: 'wrong_key' });
    });

    it('is waited for while it is slow', async () => {
      const mend = rig.slow();
      expect(await provider.unwrap(wrapped, CONTEXT)).toHaveLength(32);
      mend();
    });

    it('holds nothing else up while it hangs', async () => {
      let ticks = 0;
      const ticking = setInterval(() => (ticks += 1), 20);
      const mend = rig.hang();
      await expect(provider.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'unavailable' });
      clearInterval(ticking);
      mend();
      expect(ticks).toBeGreaterThan(10);
    });

    it('is known by its key-check value, and another key of its name is not', async () => {
      const check = await provider.makeCheck();
      await (await rig.down())();
      rig.replaceKey();
      const replaced = rig.provider();
      expect(replaced.kid).toBe(provider.kid);
      expect(await replaced.verifyCheck(check)).toBe(false);
      await expect(replaced.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'wrong_key' });
      await replaced.close();
    });
  });

const dealt = new Map<string, DealtShares>();
async function unsealed(name: string): Promise<ShamirRootKey> {
  const shares = dealt.get(name) ?? (await dealShares(new Secret(randomBytes(32)), { shares: 3, threshold: 2 }, 0));
  dealt.set(name, shares);
  const root = await ShamirRootKey.of(shares.set);
  for (const share of shares.shares.slice(1)) await root.take(parseShare(share).claims);
  return root;
}
describeRootKey({ title: 'shares of people', open: () => unsealed('one'), openOther: () => unsealed('other') });
