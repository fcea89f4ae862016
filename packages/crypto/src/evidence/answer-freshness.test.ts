import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../test/answers.js';
import { castOfMembers, exchange, tagOf } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { labelWord } from '../../test/renewers.js';
import type { EnvelopeClaims } from '../run/envelope.js';
import { composeAnswer } from './evidence.js';
import type { LabelFreshClaims } from '../organisation/freshness.js';
import { positionHash } from '../prompt/position.js';
import { parseTag, positionOf } from '../prompt/tag.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { verifyAnswer } from './verify-answer.js';

const DAY = 86_400;
const NOTHING = {
  state: 'not_looked_for',
  detail: 'nothing here shows that the position was the newest when the question was asked',
};
const HASH = 'B'.repeat(42).concat('A');

let organisation: TestOrganisation;
let cast: Cast;
let made: Exchange;
/** Signed long before the question was asked. */
let old: string;

beforeAll(async () => {
  organisation = await makeOrganisation({ suite: 'p256', renewers: 1 });
  cast = await castOfMembers(organisation);
  made = await exchange(cast, organisation.author);
  const times = { iat: cast.now - 8 * DAY, exp: cast.now + 100 * DAY };
  old = await tagOf(cast, made.asked.envelope as EnvelopeClaims, organisation.author, times);
});

/** A renewer's word for the position of the old tag, with changes. */
async function word(changes: Partial<LabelFreshClaims> = {}): Promise<string> {
  const [renewer] = organisation.renewers;
  if (renewer === undefined) throw new Error('a renewer was asked for');
  const { claims } = parseTag(old);
  const { name, tag, seq } = claims;
  const place = { name, tag, seq, pos: await positionHash(positionOf(claims)) };
  const times = { iat: cast.now - 60, exp: cast.now + DAY };
  return labelWord(renewer, organisation.trust.directoryRef, { ...place, ...times, ...changes });
}

/** What is said of the position of an answer, which is valid, years later. */
async function said(tags: string[], fresh?: string[]) {
  const file = composeAnswer({ ...made.parts, tags, ...(fresh && { fresh }) });
  const verdict = await verifyAnswer(file, { pin: organisation.pin, now: cast.now + 3 * 365 * DAY });
  expect(verdict).toMatchObject({ valid: true, verdict: `VALID as of ${organisation.trust.directory.issued}` });
  return verdict.checks.find(({ name }) => name === 'newest');
}

describe('evidence says whether a position was the newest when the question was asked', () => {
  it('by its signers', async () => {
    expect(await said([...made.parts.tags])).toMatchObject({
      state: 'passed',
      detail: 'the position was the newest when the question was asked: they signed it lately',
    });
  });

  it('by a renewer', async () => {
    const renewer = organisation.renewers[0]?.urn;
    expect(await said([old], ['no token', await word()])).toMatchObject({
      state: 'passed',
      detail: `the position was the newest when the question was asked: ${renewer} says so`,
    });
  });

  it.each<[string, (now: number) => Partial<LabelFreshClaims>]>([
    ['of another position', () => ({ pos: HASH })],
    ['under another directory', () => ({ dir: { ver: 1, hash: HASH } })],
    ['too long before', (now) => ({ iat: now - 2 * DAY, exp: now - DAY })],
    ['only later', (now) => ({ iat: now + DAY, exp: now + 2 * DAY })],
  ])('or that nothing shows it, where a renewer spoke %s', async (_name, changes) => {
    const fresh = [await word(changes(cast.now))];
    expect(await said([old], fresh)).toMatchObject(NOTHING);
  });

  it('or that nothing shows it, where nobody spoke', async () => {
    expect(await said([old])).toMatchObject(NOTHING);
  });
});
