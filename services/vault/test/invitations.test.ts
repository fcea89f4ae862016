import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mintId, ticketHash, urnOf } from '@bulla/crypto';
import { bodyOf, must } from './authoring.js';
import { enrol, ENROLMENTS, invitationOf, INVITATIONS, invite, newcomerWith, pendingNewcomer } from './enrolling.js';
import { expectRefusal, untilSettled } from './refusals.js';
import type { Store, TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';
import { PastInvitations } from '../src/people/past-invitations.js';

interface Listed {
  readonly data: { readonly id: string; readonly state: string }[];
  readonly next_cursor: string | null;
}

const DAY_SECONDS = 86_400;

describe.each<Store>(['PostgreSQL', 'PGlite'])('an invitation on %s', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());
  /** A test that moved the clock leaves it as it was. */
  afterEach(() => vault.clock.advance(vault.acme.now - vault.clock.now()));

  const owner = () => vault.clientOf(vault.acme.owner);
  const listed = async (query = '?limit=200') => bodyOf<Listed>(must(200, await owner().get(INVITATIONS + query)));
  const stateOf = async (id: string) => (await listed()).data.find((row) => row.id === id)?.state;

  it('is open until it is taken, and says what it offers and not how to take it', async () => {
    const { body } = await invitationOf(vault, vault.acme);
    const made = must(201, await owner().post(INVITATIONS, body));
    const { ticket_sha256: ticketSha256, ...offer } = body;
    const created_at = new Date(vault.clock.nowMs()).toISOString();
    expect(made.body).toEqual({ ...offer, state: 'open', created_at });
    expect(made.text).not.toContain(String(ticketSha256));
    expect((await listed()).data).toContainEqual(made.body);
    const { id: taken } = await invite(vault);
    expect(await stateOf(taken)).toBe('open');
    const newcomer = await pendingNewcomer(vault);
    expect(await stateOf(newcomer.body.invitation)).toBe('taken');
  });

  it.each([
    ['that has ended', 0],
    ['that ended yesterday', -DAY_SECONDS],
    ['of more than a day [guard: invite-life]', DAY_SECONDS + 1],
    ['of a thousand years', 1_000 * 365 * DAY_SECONDS],
  ])('is not made for a time %s', async (_name, seconds) => {
    const { body } = await invitationOf(vault, vault.acme);
    const expires_at = new Date(vault.clock.nowMs() + seconds * 1000).toISOString();
    await expectRefusal(vault, () => owner().post(INVITATIONS, { ...body, expires_at }), 400, 'validation_failed');
  });

  it('may be for exactly a day', async () => {
    const { body } = await invitationOf(vault, vault.acme);
    const expires_at = new Date(vault.clock.nowMs() + DAY_SECONDS * 1000).toISOString();
    const made = await owner().post(INVITATIONS, { ...body, expires_at });
    expect([made.status, bodyOf(made)['expires_at']]).toEqual([201, expires_at]);
  });

  it.each<[string, () => Record<string, unknown>]>([
    ['no role', () => ({ roles: [] })],
    ['one role twice', () => ({ roles: ['author', 'author'] })],
    ['the role of a service', () => ({ roles: ['service'] })],
    ['a role beside renewer [guard: invite-renewer-role]', () => ({ roles: ['renewer', 'invoker'], groups: [] })],
    ['a renewer in a group [guard: invite-renewer-groups]', () => ({ roles: ['renewer'] })],
    [
      'a renewer who is somebody else too [guard: invite-renewer-user]',
      () => ({ roles: ['renewer'], groups: [], user: userOf(vault.acme.author) }),
    ],
    ['one group twice', () => ({ groups: ['grp:a', 'grp:a'] })],
    ['a group that is none', () => ({ groups: ['support'] })],
    ['a person of another organisation [guard: invite-user]', () => ({ user: urnOf('other', 'user', mintId('usr')) })],
    ['a device as the person', () => ({ user: vault.acme.owner.urn })],
    ['a label with a line break', () => ({ label: 'a\nb' })],
    ['a ticket that is no hash', () => ({ ticket_sha256: 'short' })],
    ['an id of another kind', () => ({ id: mintId('enr') })],
  ])('is refused with %s', async (_name, change) => {
    const { body } = await invitationOf(vault, vault.acme);
    await expectRefusal(vault, () => owner().post(INVITATIONS, { ...body, ...change() }), 400, 'validation_failed');
  });

  it('has an id of its own, also among organisations', async () => {
    const { id } = await invite(vault);
    for (const organisation of [vault.acme, vault.other]) {
      const { body } = await invitationOf(vault, organisation);
      const again = () => vault.clientOf(organisation.owner).post(INVITATIONS, { ...body, id });
      await expectRefusal(vault, again, 409, 'name_taken');
    }
  });

  it('can be taken back, twice as well as once, and takes nobody in afterwards [guard: invite-taken-back]', async () => {
    const invited = await invite(vault);
    must(204, await owner().delete(`${INVITATIONS}/${invited.id}`));
    must(204, await owner().delete(`${INVITATIONS}/${invited.id}`));
    expect(await stateOf(invited.id)).toBeUndefined();
    const newcomer = await newcomerWith(invited, vault.acme);
    await expectRefusal(vault, () => enrol(vault, newcomer), 404, 'not_found');
  });

  it('is not taken back once a device has taken it', async () => {
    const { body } = await pendingNewcomer(vault);
    const path = `${INVITATIONS}/${body.invitation}`;
    await expectRefusal(vault, () => owner().delete(path), 412, 'version_conflict');
  });

  it('is taken back or taken, never both', async () => {
    for (let round = 0; round < 5; round++) {
      const invited = await invite(vault);
      const newcomer = await newcomerWith(invited, vault.acme);
      const [back, taken] = await Promise.all([
        untilSettled(() => owner().delete(`${INVITATIONS}/${invited.id}`)),
        untilSettled(() => enrol(vault, newcomer)),
      ]);
      const outcomes = [back.status, taken.status].join(' ');
      // The second one finds what the first one did. A device that comes late may see that nothing is open.
      expect(['204 404', '204 409', '412 201']).toContain(outcomes);
    }
  });

  it('belongs to one organisation, whoever asks elsewhere', async () => {
    const { id } = await invite(vault);
    const { other } = vault;
    const elsewhere = vault.clientOf(other.owner);
    expect(bodyOf<Listed>(must(200, await elsewhere.get(INVITATIONS))).data).toEqual([]);
    await expectRefusal(vault, () => elsewhere.delete(`${INVITATIONS}/${id}`), 404, 'not_found');
    await expectRefusal(vault, () => owner().delete(`${INVITATIONS}/${mintId('ivt')}`), 404, 'not_found');
    expect(await stateOf(id)).toBe('open');
  });

  it('comes page by page, the newest first', async () => {
    const ids = [];
    for (let index = 0; index < 3; index++) ids.push((await invite(vault)).id);
    const all = (await listed()).data.map(({ id }) => id);
    expect(all).toEqual([...all].toSorted().toReversed());
    expect(all).toEqual(expect.arrayContaining(ids));
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`;
      const page: Listed = await listed(query);
      expect(page.data.length).toBeGreaterThan(0);
      paged.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all);
  });

  it('leaves of its secret only a hash of the ticket in the database', async () => {
    const invited = await invite(vault);
    const newcomer = await newcomerWith(invited, vault.acme);
    must(201, await enrol(vault, newcomer));
    const { ticket } = newcomer.body;
    const tables = ['invitation', 'enrolment', 'audit_event', 'idempotency', 'http_nonce'] as const;
    let text = vault.log.join('\n');
    for (const table of tables) {
      text += JSON.stringify(await vault.database.db.selectFrom(table).selectAll().execute());
    }
    expect(text).toContain(await ticketHash(ticket));
    expect(text).not.toContain(ticket);
    expect(text).not.toContain(invited.secret);
  });

  it('is forgotten a day after it ended unused, and a month after it was taken', async () => {
    const unused = await invite(vault);
    const newcomer = await pendingNewcomer(vault);
    const own = () => vault.clientOf(newcomer.asker).get(`${ENROLMENTS}/${newcomer.id}`);
    const past = vault.service.app.get(PastInvitations, { strict: false });
    vault.clock.advance(3_600);
    expect(await stateOf(unused.id)).toBe('expired');
    vault.clock.advance(DAY_SECONDS - 1);
    await past.purge();
    expect(await stateOf(unused.id)).toBe('expired');
    vault.clock.advance(2);
    await past.purge();
    expect(await stateOf(unused.id)).toBeUndefined();
    vault.clock.advance(28 * DAY_SECONDS);
    await past.purge();
    must(200, await own());
    vault.clock.advance(DAY_SECONDS);
    await past.purge();
    await expectRefusal(vault, own, 404, 'not_found');
    expect(await vault.countEffects()).toMatchObject({ invitation: 0, enrolment: 0 });
  });
});

function userOf({ entity }: TestMember): string {
  if (entity.kind !== 'device') throw new Error('only devices belong to somebody');
  return entity.user;
}
