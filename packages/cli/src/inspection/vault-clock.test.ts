import { describe, expect, it } from '@jest/globals';
import { requireVaultClock } from './vault-clock.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const VAULT = 'https://vault.acme.example';
/** A vault whose clock is so many seconds ahead of this machine's. */
const vaultAt = (seconds: number) => (): Promise<Response> =>
  Promise.resolve(new Response('', { headers: { date: new Date((NOW + seconds) * 1000).toUTCString() } }));
const compared = (fetcher: typeof fetch) => requireVaultClock(VAULT, fetcher, () => NOW);

describe("this machine's clock and the vault's", () => {
  it.each([0, 59, 60, -59, -60])('may be %s s apart', async (seconds) => {
    await expect(compared(vaultAt(seconds))).resolves.toBeUndefined();
  });

  it.each([
    [-400 * DAY, '400 days ahead of'],
    [-5 * DAY, '5 days ahead of'],
    [-3 * 3_600, '3 hours ahead of'],
    [-63, '62 seconds ahead of'],
    [31 * DAY, '31 days behind'],
  ])('may not be %s s apart', async (seconds, words) => {
    await expect(compared(vaultAt(seconds))).rejects.toMatchObject({
      code: 'clock_skew',
      message: expect.stringContaining(words),
    });
  });

  it('are compared before anything is signed [guard: cli-vault-clock]', async () => {
    await expect(compared(vaultAt(-31 * DAY))).rejects.toMatchObject({ code: 'clock_skew', origin: 'client' });
  });

  it('are not compared where the vault does not say: what needs it says that', async () => {
    await expect(compared(() => Promise.reject(new TypeError('fetch failed')))).resolves.toBeUndefined();
    await expect(compared(() => Promise.resolve(new Response('')))).resolves.toBeUndefined();
  });
});
