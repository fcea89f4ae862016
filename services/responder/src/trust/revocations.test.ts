import type { TestOrganisation } from '@bulla/crypto/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { organisationForTest } from '../../test/responder-fixture.js';
import { Revocations } from './revocations.js';

let organisation: TestOrganisation;
let revocations: Revocations;
beforeEach(async () => {
  organisation = await organisationForTest({ suite: 'p256' });
  revocations = new Revocations();
  revocations.judge(organisation.trust);
});

const watch = (kid: string) => {
  const over = new AbortController();
  return { signal: over.signal, leave: revocations.watch(kid, over) };
};
const revoke = (kid: string) =>
  organisation.publish((draft) => {
    draft.revoked = [{ kid, reason: 'keyCompromise', at: organisation.now }];
  });

describe('a key that is watched', () => {
  it('is told of being revoked, each time that it is at work, and no other is', async () => {
    const [mine, other] = [organisation.invoker.sig.kid, organisation.owner.sig.kid];
    const watched = [mine, mine, other].map(watch);
    expect(revocations.count).toBe(3);
    revocations.judge(await revoke(mine));
    expect(watched.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    expect(watched[0]?.signal.reason).toMatchObject({ code: 'key_revoked' });
    for (const { leave } of watched) leave();
    expect(revocations.count).toBe(0);
  });

  it('is told at once of what happened since it was let in [guard: run-revoked-before]', async () => {
    const { kid } = organisation.invoker.sig;
    revocations.judge(await revoke(kid));
    expect(watch(kid).signal.aborted).toBe(true);
  });

  it('is told where it is listed no more', async () => {
    const { urn, sig } = organisation.invoker;
    const { signal } = watch(sig.kid);
    revocations.judge(
      await organisation.publish((draft) => {
        delete draft.entities[urn];
      }),
    );
    expect(signal.aborted).toBe(true);
  });

  it('goes on where it only signs no more: its device was given another', async () => {
    const { urn, sig } = organisation.invoker;
    const { signal } = watch(sig.kid);
    revocations.judge(
      await organisation.publish((draft) => {
        for (const key of draft.entities[urn]?.keys ?? []) key.use_until = organisation.now;
      }),
    );
    expect(signal.aborted).toBe(false);
  });
});
