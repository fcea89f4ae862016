import { parseInvitationCode } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Enrolment, prepareEnrolment } from '../src/people/enrolment.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { MemoryRecords, PeopleVault } from './people-vault.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// The other tests run among keys of p256.
describe.each(['rsa2048', 'rsa3072'] as const)('among keys of suite %s', (suite) => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld({ suite, policy: { suites: ['rsa2048', 'rsa3072', 'p256', 'ed25519'] } });
  });
  afterEach(() => world.stop());

  it('a prompt is pushed, read, run and its answer verified', async () => {
    const bulla = await world.client();
    await bulla.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'), ['production']);
    const { statement } = await bulla.prompts.read('claims/triage', { version: 1 });
    expect(statement.content.messages[0]?.content).toBe('Sort {{claim}}');
    const answer = await bulla.prompt('claims/triage').run({ claim: 'water' });
    expect(answer.text).toBe('water');
    expect((await bulla.verify(answer.toFile())).valid).toBe(true);
  });

  it('a new device is let in, with keys of the first suite of the policy', async () => {
    const vault = new PeopleVault(world);
    const records = new MemoryRecords();
    const [signer] = world.organisation.signers.directory;
    if (signer === undefined) throw new Error('there is one');
    const owner = await world.client();
    const offer = { roles: ['invoker'], groups: [], label: 'laptop', lifeSeconds: 3600 } as const;
    const options = { store: new MemoryTrustStore(), now: world.clock.now };
    const code = parseInvitationCode(await owner.people.invite(offer, records));
    const pending = await prepareEnrolment(code, 'mine', options);
    const enrolment = new Enrolment(pending, options);
    await enrolment.proceed();
    for await (const request of owner.people.requests(records))
      await owner.people.approve(request, { records, signer });
    expect(await enrolment.proceed()).toMatchObject({ state: 'approved' });
    expect(pending.keys.keys.map((key) => key.suite)).toEqual(['rsa2048', 'rsa2048']);
    expect(vault.directories).toHaveLength(1);
  });
});
