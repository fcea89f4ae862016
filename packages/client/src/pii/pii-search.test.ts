import { describe, expect, it } from '@jest/globals';
import { searchTexts } from './pii-search.js';

const NOBODY = { country: 'US', other: undefined };

describe('a search', () => {
  it('takes no more than a question may hold [guard: pii-input-bound]', async () => {
    const half = 'a'.repeat(6 * 1024 * 1024);
    expect(await searchTexts([half, half], NOBODY)).toEqual([[], []]);
    await expect(searchTexts([half, half, 'a'], NOBODY)).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('ends where there is more than anybody means to send [guard: pii-findings-bound]', async () => {
    const many = 'ada@example.org '.repeat(65_537);
    await expect(searchTexts([many], NOBODY)).rejects.toMatchObject({ code: 'pii_policy_failed' });
    const [found] = await searchTexts([many.slice(16)], NOBODY);
    expect(found).toHaveLength(65_536);
  });
});
