import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { envelopeClaims } from '../../test/exchange.js';
import { composeAnswer } from './evidence.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

const DIRECTORY_SECONDS = 90 * 86_400;
const LONG_AFTER = 100 * 86_400;

let organisation: TestOrganisation;
let cast: Cast;

beforeAll(async () => {
  organisation = await makeOrganisation();
  cast = await castOfMembers(organisation);
});

/** All in seconds after the issue of the documents. */
interface Times {
  /** Of the envelope, which ends 120 later. */
  readonly asked?: number;
  readonly replied: number;
  readonly verified?: number;
}

async function verify({ asked = 0, replied, verified = LONG_AFTER }: Times): Promise<Verdict> {
  const then = { ...cast, now: cast.now + asked };
  const plan = { envelope: envelopeClaims(then), fin: { iat: cast.now + replied } };
  const { parts } = await exchange(then, organisation.author, plan);
  return verifyAnswer(composeAnswer(parts), { pin: organisation.pin, now: cast.now + verified });
}

describe('the time of a reply in answer.json', () => {
  it.each<[string, Times]>([
    ['the last second that a run may take after its envelope', { replied: 120 + 3600 }],
    ['a second that is ahead by what clocks may differ', { replied: 100, verified: 40 }],
    ['the first second before its directory that clocks may differ by', { asked: -60, replied: -60 }],
    [
      'the last second that a run may take after its directory',
      { asked: DIRECTORY_SECONDS, replied: DIRECTORY_SECONDS + 3600 },
    ],
  ])('may be %s', async (_name, times) => {
    expect(await verify(times)).toMatchObject({ valid: true });
  });

  it.each<[string, Times, string, string]>([
    ['one second later after its envelope', { replied: 120 + 3601 }, 'envelope_expired', 'envelope-times'],
    ['one second further ahead', { replied: 101, verified: 40 }, 'clock_skew', 'reply-time'],
    ['one second earlier before its directory', { asked: -60, replied: -61 }, 'envelope_tampered', 'reply-time'],
    [
      'one second later after its directory',
      { asked: DIRECTORY_SECONDS + 1, replied: DIRECTORY_SECONDS + 3601 },
      'envelope_tampered',
      'reply-time',
    ],
  ])('is refused %s', async (_name, times, code, check) => {
    expect(await verify(times)).toMatchObject({ valid: false, failure: { code, check } });
  });
});
