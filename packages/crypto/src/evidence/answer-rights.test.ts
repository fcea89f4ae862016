import { beforeEach, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import { envelopeClaims } from '../../test/exchange.js';
import type { DirectoryDocument } from '../organisation/directory.js';
import { timestampOf } from '../tokens/document-times.js';
import { composeAnswer } from './evidence.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

const HOUR = 3600;

let organisation: TestOrganisation;
beforeEach(async () => {
  organisation = await makeOrganisation();
});

type Change = (draft: DirectoryDocument) => unknown;

/** The verdict on an answer that vault and responder made together, though the directory says no. */
async function answeredUnder(change: Change, asker = organisation.invoker): Promise<Verdict> {
  await organisation.publish(change);
  const cast = { ...(await castOfMembers(organisation, PROMPT)), asker };
  return verdictOn(await exchange(cast, organisation.author));
}

function verdictOn({ parts }: Awaited<ReturnType<typeof exchange>>): Promise<Verdict> {
  return verifyAnswer(composeAnswer(parts), { pin: organisation.pin, now: organisation.now + HOUR });
}

const PROMPT = 'prm_01kbz2p8e4fxq9m3y7t5w6v8na';

describe('an answer that its own documents forbid', () => {
  it.each<[string, Change, string, string]>([
    [
      'an asker whose device is not listed [guard: answer-asker-listed]',
      (draft) => delete draft.entities[organisation.invoker.urn],
      'forbidden',
      'asker-listed',
    ],
    [
      'an asker who may not ask [guard: answer-asker-role]',
      (draft) => Object.assign(draft.entities[organisation.invoker.urn] ?? {}, { roles: ['author'] }),
      'forbidden',
      'asker-role',
    ],
    [
      'an asker whose key is revoked [guard: answer-asker-key]',
      (draft) => {
        const { kid } = organisation.invoker.signer;
        draft.revoked.push({ kid, reason: 'keyCompromise', at: organisation.now - HOUR });
      },
      'key_revoked',
      'asker-key',
    ],
    [
      'an asker whose key had ended',
      (draft) => {
        for (const record of draft.entities[organisation.invoker.urn]?.keys ?? [])
          record.use_until = organisation.now - 2 * HOUR;
      },
      'key_revoked',
      'asker-key',
    ],
    [
      'a version that is withdrawn [guard: answer-withdrawn]',
      (draft) => draft.withdrawn.push({ sub: `urn:bulla:acme:prompt:${PROMPT}`, below: 4 }),
      'forbidden',
      'version-withdrawn',
    ],
  ])('is refused: %s', async (_what, change, code, check) => {
    expect(await answeredUnder(change)).toMatchObject({ valid: false, failure: { code, check } });
  });

  it('is refused: an asker with the key of another [guard: answer-asker-holds]', async () => {
    const asker = { ...organisation.invoker, signer: organisation.owner.signer };
    const verdict = await answeredUnder((draft) => {
      const { entities } = draft;
      const owner = entities[organisation.owner.urn];
      if (owner !== undefined) Object.assign(owner, { roles: ['owner', 'invoker'] });
    }, asker);
    expect(verdict).toMatchObject({ valid: false, failure: { code: 'envelope_tampered', check: 'asker-key' } });
  });

  it.each([
    ['a version above those that are withdrawn', 3, 'passed'],
    ['a version below', 4, 'failed'],
  ])('%s', async (_what, below, state) => {
    const { checks } = await answeredUnder((draft) =>
      draft.withdrawn.push({ sub: `urn:bulla:acme:prompt:${PROMPT}`, below }),
    );
    expect(checks.find(({ name }) => name === 'version')).toMatchObject({ state });
  });

  /** The verdict on a question that was asked so long after the policy's end. */
  async function askedAfterPolicy(seconds: number): Promise<Verdict> {
    const { now } = organisation;
    await organisation.publishPolicy((draft) => (draft.expires = timestampOf(now + HOUR)));
    const then = { ...(await castOfMembers(organisation)), now: now + HOUR + seconds };
    const { parts } = await exchange(then, organisation.author, { envelope: envelopeClaims(then) });
    return verifyAnswer(composeAnswer(parts), { pin: organisation.pin, now: now + 2 * HOUR });
  }

  it('counts by a policy up to a minute after its end', async () => {
    expect(await askedAfterPolicy(59)).toMatchObject({ valid: true });
  });

  it('is refused: by a policy that had expired when it was asked [guard: answer-policy-expired]', async () => {
    expect(await askedAfterPolicy(60)).toMatchObject({
      valid: false,
      failure: { code: 'trust_expired', check: 'policy-expired' },
    });
  });

  it('says by which documents and for which moment each was judged', async () => {
    const { checks } = await answeredUnder(() => undefined);
    const { directory, policy } = organisation.trust;
    const asked = timestampOf(organisation.now);
    const by = `directory ${directory.version} of ${directory.issued}`;
    const told = checks.filter(({ name }) => ['policy', 'asker', 'version'].includes(name));
    expect(told.map(({ against }) => against)).toEqual([`policy ${policy.version} of ${policy.issued}`, by, by]);
    expect(told.slice(0, 2).map(({ at }) => at)).toEqual([asked, asked]);
  });
});
