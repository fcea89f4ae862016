import type { Signer } from '@bulla/crypto';
import { parseInvitationCode } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { EnrolmentKind } from '../src/people/enrolment.js';
import { Enrolment, prepareEnrolment } from '../src/people/enrolment.js';
import { renewerIdentityOf } from '../src/renewer/renewer-identity.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { PeopleRoom } from './people-room.js';
import { openPeopleRoom } from './people-room.js';
import type { MemoryRecords, PeopleVault } from './people-vault.js';
import type { World } from './world.js';

const RENEWER = { roles: ['renewer'], groups: [], label: 'renewer', lifeSeconds: 3600 } as const;
const INVOKER = { roles: ['invoker'], groups: ['grp:support'], label: 'laptop', lifeSeconds: 3600 } as const;

let world: World;
let vault: PeopleVault;
let records: MemoryRecords;
let owner: Bulla;
let signer: Signer;
let newest: PeopleRoom['newest'];
let waiting: PeopleRoom['waiting'];
beforeEach(async () => {
  ({ world, vault, records, owner, signer, newest, waiting } = await openPeopleRoom());
});
afterEach(() => world.stop());

/** A machine that was invited as one thing, and asks to come in as another or the same. */
async function ask(offer: typeof RENEWER | typeof INVOKER, as: EnrolmentKind): Promise<Enrolment> {
  const options = { store: new MemoryTrustStore(), now: world.clock.now };
  const code = parseInvitationCode(await owner.people.invite(offer, records));
  const enrolment = new Enrolment(await prepareEnrolment(code, 'mine', { ...options, as }), options);
  expect(await enrolment.proceed()).toEqual({ state: 'pending' });
  return enrolment;
}

describe('a renewer that was invited', () => {
  it('comes in with a key for its requests and one for its word, and is nobody else', async () => {
    const enrolment = await ask(RENEWER, 'renewer');
    const request = await waiting();
    expect(request).toMatchObject({ proof: 'proved', sig: { use: 'sig' }, enc: { use: 'sig' } });
    expect(request.words).toEqual(await enrolment.words());
    const urn = await owner.people.approve(request, { records, signer });
    const { entities } = await newest();
    expect(entities[urn]).toMatchObject({
      kind: 'device',
      roles: ['renewer'],
      groups: [],
      keys: [{ pur: ['http'] }, { pur: ['fresh'] }],
    });
    const outcome = await enrolment.proceed();
    if (outcome.state !== 'approved') throw new Error('it is not in');
    expect(await renewerIdentityOf(outcome.keys)).toMatchObject({ urn, freshSigners: [{ kid: request.enc.kid }] });
    expect(await owner.people.devices()).toContainEqual(expect.objectContaining({ urn, roles: ['renewer'] }));
  });

  it.each([
    ['a person’s device with the keys of a renewer [guard: enrol-kind]', INVOKER, 'renewer', 'without --renewer'],
    ['a renewer with the keys of a person’s device', RENEWER, 'device', 'with --renewer'],
  ] as const)('lets nobody in as another: %s', async (_name, offer, as, told) => {
    await ask(offer, as);
    const before = vault.directories.length;
    const outcome = await owner.people.approve(await waiting(), { records, signer }).then(
      () => 'let in',
      (error: unknown) => String(error),
    );
    expect(outcome).toContain(told);
    expect(vault.directories).toHaveLength(before);
  });
});
