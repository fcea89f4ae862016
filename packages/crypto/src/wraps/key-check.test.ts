import { keyCheck } from '@bulla/crypto/open';
import { describe, expect, it, jest } from '@jest/globals';
import { createHmac, hkdfSync } from 'node:crypto';
import { randomBytes } from '../encoding/bytes.js';
import { Secret } from '../encoding/secret.js';

const ROOT = new Uint8Array(32).fill(3);

describe('the check value of a root key', () => {
  it('is an HMAC under a key derived from it, as another library makes it', async () => {
    const purpose = 'bulla root key check v1';
    const derived = Buffer.from(hkdfSync('sha256', ROOT, '', purpose, 32));
    expect(await keyCheck(ROOT)).toBe(createHmac('sha256', derived).update(purpose).digest('base64url'));
  });

  it('is the same each time, and another for every other key', async () => {
    expect(await keyCheck(ROOT)).toBe(await keyCheck(new Uint8Array(ROOT)));
    const values = await Promise.all(
      Array.from({ length: 256 }, (_, bit) => {
        const key = new Uint8Array(ROOT);
        key[bit >> 3] = (key[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return keyCheck(key);
      }),
    );
    expect(new Set([...values, await keyCheck(ROOT)]).size).toBe(257);
  });

  it.each([0, 31, 33])('is refused for %i bytes, such as a file that was cut', async (length) => {
    await expect(keyCheck(randomBytes(length))).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('leaves no copy of the key', async () => {
    const wipe = jest.spyOn(Secret.prototype, 'wipe');
    await keyCheck(ROOT);
    const wiped = (wipe.mock.contexts as Secret[]).map((secret) => secret.reveal());
    wipe.mockRestore();
    expect(wiped).toEqual([new Uint8Array(32), new Uint8Array(32)]);
    expect(ROOT).toEqual(new Uint8Array(32).fill(3));
  });
});
