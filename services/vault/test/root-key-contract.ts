import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from '@bulla/crypto';
import type { RootKeyProvider } from '../src/managed/root-key/root-key-provider.js';
import { WRAPPED_KEK_CHARS_MAX } from '../src/managed/root-key/root-key-provider.js';

/** A provider as its test sets it up. */
export interface TriedRootKey {
  /** Its name, and that it is tried on a stand-in where it is. */
  readonly title: string;
  /** Opens the same key each time, as each start of a vault does. */
  readonly open: () => Promise<RootKeyProvider>;
  /** Another key of the same kind. */
  readonly openOther: () => Promise<RootKeyProvider>;
  /** What is made before all, and taken away after all. */
  readonly prepare?: () => Promise<void>;
  readonly remove?: () => Promise<void> | void;
  /** For a provider elsewhere: has it say nothing, and be gone; gives what mends it. */
  readonly hang?: () => Promise<() => Promise<void> | void>;
  readonly down?: () => Promise<() => Promise<void> | void>;
}

const CONTEXT = { org: 'acme', kek: 'kek:acme:7', kver: 7 };
/** However it is troubled, a provider says so in this time. */
const TROUBLED_WITHIN_MS = 15_000;

/** What every provider of root keys does, wherever it keeps the key. */
export function describeRootKey({ title, open, openOther, prepare, remove, hang, down }: TriedRootKey): void {
  describe(`the root key in ${title}`, () => {
    let provider: RootKeyProvider;
    let other: RootKeyProvider;
    beforeAll(async () => {
      await prepare?.();
      provider = await open();
      other = await openOther();
    });
    afterAll(async () => {
      await provider.close();
      await other.close();
      await remove?.();
    });

    it('has a name that another key does not have', () => {
      expect(provider.kid).toMatch(new RegExp(`^root:${provider.name}:[A-Za-z0-9._/@-]{1,100}$`));
      expect(other.kid).not.toBe(provider.kid);
    });

    it('opens what it has wrapped, each time wrapped anew', async () => {
      const kek = randomBytes(32);
      const wrapped = [await provider.wrap(kek, CONTEXT), await provider.wrap(kek, CONTEXT)];
      expect(wrapped[0]).not.toBe(wrapped[1]);
      for (const one of wrapped) {
        expect(one.length).toBeLessThanOrEqual(WRAPPED_KEK_CHARS_MAX);
        expect(one).not.toContain(Buffer.from(kek).toString('base64url'));
        expect(Buffer.from(await provider.unwrap(one, CONTEXT))).toEqual(Buffer.from(kek));
      }
    });

    it.each([
      ['another organisation', { org: 'other', kek: 'kek:other:7', kver: 7 }],
      ['another version', { org: 'acme', kek: 'kek:acme:8', kver: 8 }],
    ])('opens nothing that was moved to %s', async (_place, context) => {
      const wrapped = await provider.wrap(randomBytes(32), CONTEXT);
      await expect(provider.unwrap(wrapped, context)).rejects.toMatchObject({
        name: 'RootKeyFault',
        code: 'wrong_key',
      });
    });

    it('opens nothing that another key has wrapped, or that was changed', async () => {
      const wrapped = await other.wrap(randomBytes(32), CONTEXT);
      await expect(provider.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'wrong_key' });
      const own = await provider.wrap(randomBytes(32), CONTEXT);
      const changed = [own.slice(0, -8), `${own}AAAA`, own.replace(/.{4}$/, 'AAAA'), 'no key', ''];
      for (const one of changed.filter((text) => text !== own))
        await expect(provider.unwrap(one, CONTEXT)).rejects.toMatchObject({ code: 'wrong_key' });
    });

    it('is known again after a restart, and taken for no other', async () => {
      const check = await provider.makeCheck();
      const wrapped = await provider.wrap(new Uint8Array(32).fill(7), CONTEXT);
      const again = await open();
      try {
        expect(again.kid).toBe(provider.kid);
        expect(await again.verifyCheck(check)).toBe(true);
        expect(Buffer.from(await again.unwrap(wrapped, CONTEXT))).toEqual(Buffer.alloc(32, 7));
        expect(await again.verifyCheck(await other.makeCheck())).toBe(false);
        expect(await again.verifyCheck('')).toBe(false);
        await again.health();
      } finally {
        await again.close();
      }
    });

    for (const [how, trouble] of [['hangs', hang] as const, ['is gone', down] as const]) {
      if (trouble === undefined) continue;
      it(`says that it is unavailable while it ${how}, and goes on afterwards`, async () => {
        const wrapped = await provider.wrap(randomBytes(32), CONTEXT);
        const mend = await trouble();
        const begun = performance.now();
        try {
          for (const ask of [() => provider.wrap(randomBytes(32), CONTEXT), () => provider.unwrap(wrapped, CONTEXT)])
            await expect(ask()).rejects.toMatchObject({ name: 'RootKeyFault', code: 'unavailable' });
          await expect(provider.health()).rejects.toMatchObject({ code: 'unavailable' });
        } finally {
          await mend();
        }
        expect(performance.now() - begun).toBeLessThan(3 * TROUBLED_WITHIN_MS);
        await expect(provider.unwrap(wrapped, CONTEXT)).resolves.toHaveLength(32);
      }, 60_000);
    }
  });
}
