import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange, tagOf } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { envelopeClaims } from '../../test/exchange.js';
import type { EnvelopeClaims } from '../run/envelope.js';
import { composeAnswer } from './evidence.js';
import type { TagClaims } from '../prompt/tag.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

const DAY = 86_400;

let organisation: TestOrganisation;
let cast: Cast;
let envelope: EnvelopeClaims;
beforeAll(async () => {
  organisation = await makeOrganisation({
    policy: { labels: { production: { groups: ['grp:release'], threshold: 2 } } },
  });
  cast = await castOfMembers(organisation);
  envelope = envelopeClaims(cast);
});

/** The verdict, days later, on an answer beside these tags; each is by somebody, with changes. */
async function verdictWith(
  tags: readonly (readonly [who: 'author' | 'owner', change: Partial<TagClaims>])[],
): Promise<Verdict> {
  const tokens = await Promise.all(
    tags.map(([who, change]) => tagOf(cast, envelope, organisation[who], { ...change, exp: cast.now + 30 * DAY })),
  );
  const { parts } = await exchange(cast, organisation.author, { envelope, tags: tokens, fin: { iat: cast.now + 5 } });
  return verifyAnswer(composeAnswer(parts), { pin: organisation.pin, now: cast.now + 4 * DAY });
}

const production = { tag: 'production' };
const later = (seconds: number) => ({ ...production, iat: cast.now + 5 + seconds });
const tagsOf = ({ checks }: Verdict) => checks.find(({ name }) => name === 'tags');

describe('what was signed only after an answer', () => {
  it('counts up to the seconds that clocks may differ by', async () => {
    const verdict = await verdictWith([
      ['author', production],
      ['owner', later(60)],
    ]);
    expect(verdict.valid).toBe(true);
    expect(tagsOf(verdict)?.detail).toBe('claims/triage version 3 bore the label production; 2 signed it');
  });

  it.each<[string, Parameters<typeof verdictWith>[0]]>([
    [
      'one of two',
      [
        ['author', production],
        ['owner', { tag: 'production', iat: 0 }],
      ],
    ],
    [
      'all of them',
      [
        ['author', { iat: 0 }],
        ['owner', { iat: 0 }],
      ],
    ],
  ])('does not make it enough: %s', async (_what, tags) => {
    const swapped = tags.map(([who, change]) => [who, change.iat === 0 ? later(3 * DAY) : change] as const);
    const verdict = await verdictWith(swapped);
    expect(verdict).toMatchObject({
      valid: false,
      failure: { code: 'forbidden', check: 'tag-time', message: expect.stringContaining('before the answer') },
    });
  });

  it('is said beside enough that were signed before', async () => {
    const verdict = await verdictWith([
      ['author', production],
      ['owner', production],
      ['author', later(3 * DAY)],
    ]);
    expect(verdict.valid).toBe(true);
    expect(tagsOf(verdict)?.detail).toBe(
      'claims/triage version 3 bore the label production; 2 signed it, 1 more signed it only after the answer, which counts for nothing',
    );
  });

  it('has no part in it where too few signed at all', async () => {
    expect(await verdictWith([['author', production]])).toMatchObject({ failure: { check: 'tag-threshold' } });
  });
});

describe('the policy', () => {
  it('decides how many tags suffice, each of another person', async () => {
    expect(
      await verdictWith([
        ['author', production],
        ['owner', production],
      ]),
    ).toMatchObject({ valid: true });
    expect(await verdictWith([['author', production]])).toMatchObject({
      valid: false,
      failure: { code: 'forbidden', check: 'tag-threshold' },
    });
    expect(
      await verdictWith([
        ['author', production],
        ['author', production],
      ]),
    ).toMatchObject({
      failure: { check: 'tag-threshold' },
    });
  });
});
