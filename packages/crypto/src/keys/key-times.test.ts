import { beforeEach, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import { DAY, NAME, tagBy } from '../../test/tags.js';
import { composeAnswer } from '../evidence/evidence.js';
import { gatherTags, verifyTags } from '../prompt/tag-set.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from '../evidence/verify-answer.js';
import { verifyAnswer } from '../evidence/verify-answer.js';

// What a key of long use signed counts as long as the key is listed, but only what it signed while it still signed.

const GRACE = 300;
const RUN = 3600;

let acme: TestOrganisation;
beforeEach(async () => {
  acme = await makeOrganisation({ suite: 'p256' });
});

/** From that time on (seconds) the signing keys of an entity sign no more; the directory is published now. */
function deactivated(urn: string, from: number) {
  return acme.publish((draft) => {
    for (const record of draft.entities[urn]?.keys ?? [])
      if (record.use === 'sig') Object.assign(record, { nbf: from - 90 * DAY, use_until: from });
  });
}

describe('a tag', () => {
  const tag = (iat: number) => tagBy(acme.author, { iat, exp: iat + 30 * DAY });

  it('counts if its key signed it in time, and for as long as a directory takes to arrive [guard: tag-key-time]', async () => {
    const from = acme.now - 2 * DAY;
    const expected = { trust: await deactivated(acme.author.urn, from), name: NAME, label: 'latest', now: acme.now };
    await expect(verifyTags([await tag(from + GRACE)], expected)).resolves.toMatchObject({ version: 3 });
    const late = [await tag(from + GRACE + 1)];
    await expect(verifyTags(late, expected)).rejects.toMatchObject({ code: 'forbidden', check: 'tag-threshold' });
    await expect(gatherTags(late, expected)).rejects.toMatchObject({ code: 'key_revoked', check: 'tag-key-time' });
  });
});

describe('an answer', () => {
  /** Of somebody whose vault, responder and asker are of one mind. */
  async function verdictOn(iat: number): Promise<Verdict> {
    const cast = await castOfMembers(acme);
    const { parts } = await exchange({ ...cast, now: iat - 5 }, acme.owner, { fin: { iat } });
    return verifyAnswer(composeAnswer(parts), { pin: acme.pin, now: iat + DAY });
  }

  it('counts if its key signed it in time, or a run later [guard: reply-key-time]', async () => {
    const [{ urn }] = acme.responders;
    await deactivated(urn, acme.now - RUN);
    const last = acme.now + GRACE;
    await expect(verdictOn(last)).resolves.toMatchObject({ valid: true });
    await expect(verdictOn(last + 1)).resolves.toMatchObject({
      failure: { code: 'key_revoked', check: 'reply-key-time' },
    });
  });
});
