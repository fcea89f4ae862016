import { describe, expect, it } from '@jest/globals';
import { pauseless } from '../../test/pauseless.js';
import { PublicReader } from './public-reader.js';

const URL_OF_ROOT = new URL('http://127.0.0.1:4100/.well-known/bulla/acme/root/1.json');

/** A vault that answers with these statuses in turn, the last one for ever. */
function answering(...statuses: readonly number[]) {
  let asked = 0;
  const reader = new PublicReader(async () => {
    const status = statuses[Math.min(asked, statuses.length - 1)] ?? 200;
    asked += 1;
    return new Response(status === 200 ? 'the root' : 'anybody may say this', { status });
  });
  return { reader, asked: () => asked };
}

describe('a public document', () => {
  it.each([503, 429])('is asked for again where the vault is busy: %s', async (status) => {
    const { reader, asked } = answering(status, status, 200);
    const pauses: number[] = [];
    expect(await pauseless(() => reader.read(URL_OF_ROOT), pauses)).toBe('the root');
    expect([asked(), pauses.length]).toEqual([3, 2]);
  });

  it('is given up where the vault stays busy, after seconds and no longer', async () => {
    const { reader, asked } = answering(503);
    const pauses: number[] = [];
    await expect(pauseless(() => reader.read(URL_OF_ROOT), pauses)).rejects.toMatchObject({
      code: 'transport_failed',
      status: 503,
      message: 'the vault at http://127.0.0.1:4100 answered 503 to a public document',
    });
    expect(asked()).toBe(4);
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(10_000);
  });

  it.each([500, 403])('is not asked for again where the answer says something else: %s', async (status) => {
    const { reader, asked } = answering(status, 200);
    await expect(reader.read(URL_OF_ROOT)).rejects.toMatchObject({ code: 'transport_failed', status });
    expect(asked()).toBe(1);
  });

  it('is absent where the vault has none', async () => {
    const { reader, asked } = answering(404);
    expect(await reader.read(URL_OF_ROOT)).toBeUndefined();
    expect(asked()).toBe(1);
  });
});
