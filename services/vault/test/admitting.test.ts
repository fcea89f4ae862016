import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditEvent } from '@bulla/contract';
import type { DirectoryDocument } from '@bulla/crypto';
import { mintId, parseDirectory, urnOf } from '@bulla/crypto';
import { basedOn, bodyOf, must } from './authoring.js';
import type { Newcomer } from './enrolling.js';
import { approve, ENROLMENTS, enrol, invite, letIn, listing, newcomerWith, pendingNewcomer } from './enrolling.js';
import { countStatuses, expectRefusal, untilSettled } from './refusals.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

interface Listed {
  readonly data: Record<string, unknown>[];
  readonly next_cursor: string | null;
}

const PROMPTS = '/api/v1/prompts';
const DIRECTORY = '/api/v1/organisations/acme/directory';

describe.each<Store>(['PostgreSQL', 'PGlite'])('letting a device in on %s', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());

  const owner = () => vault.clientOf(vault.acme.owner);
  const own = ({ asker, id }: Newcomer) => vault.clientOf(asker).get(`${ENROLMENTS}/${id}`);
  const listed = async (query = '?limit=200') => bodyOf<Listed>(must(200, await owner().get(ENROLMENTS + query)));
  const refuse = ({ id }: Newcomer) => owner().delete(`${ENROLMENTS}/${id}`);

  it('publishes the directory that lists it, and tells it who it is, in one act', async () => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    const { device, id, body } = newcomer;
    await acme.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    const { version } = acme.trust.directory;
    const approved = must(201, await approve(vault, acme, id, acme.documents.directory));
    expect(approved.body).toEqual({ id, state: 'approved', version });
    expect((await vault.get('/.well-known/bulla/acme/directory.json')).text).toBe(acme.documents.directory);
    expect(must(200, await own(newcomer)).body).toMatchObject({ id, state: 'approved', device: device.urn });
    must(200, await vault.clientOf(device).get(PROMPTS));
    const [event] = await vault.database.db
      .selectFrom('audit_event')
      .selectAll()
      .where('request_id', '=', approved.headers['x-request-id'] ?? '')
      .execute();
    expect(AuditEvent.parse(event?.event)).toMatchObject({
      act: 'enrolment.approve',
      who: { type: 'device', kid: acme.owner.sig.kid },
      obj: { enrolment: id, invitation: body.invitation, version },
    });
  });

  it('starts from the requests as they were sent, the oldest first, and those that wait unless others are asked for', async () => {
    const [first, second] = [await pendingNewcomer(vault), await pendingNewcomer(vault)];
    const waiting = await listed();
    const ids = waiting.data.map(({ id }) => id);
    expect(ids).toEqual([...ids].map(String).toSorted());
    expect(ids).toEqual(expect.arrayContaining([first.id, second.id]));
    const { ticket: _ticket, ...sent } = first.body;
    const { sig, enc } = first.device;
    expect(waiting.data.find(({ id }) => id === first.id)).toEqual({
      ...sent,
      sig: { ...sent.sig, kid: sig.kid },
      enc: { ...sent.enc, kid: enc?.kid },
      state: 'pending',
      created_at: new Date(vault.clock.nowMs()).toISOString(),
    });
    const pages: Listed[] = [];
    for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)?.next_cursor ?? null) {
      pages.push(await listed(cursor === '' ? '?limit=1' : `?limit=1&cursor=${cursor}`));
    }
    expect(pages.flatMap(({ data }) => data)).toEqual(waiting.data);
    must(204, await refuse(second));
    await letIn(vault, first);
    for (const [state, id] of [
      ['refused', second.id],
      ['approved', first.id],
    ]) {
      const { data } = await listed(`?state=${state}&limit=200`);
      expect(data.map((one) => one['id'])).toContain(id);
      expect(new Set(data.map((one) => one['state']))).toEqual(new Set([state]));
    }
  });

  type Draft = (draft: DirectoryDocument, newcomer: Newcomer) => void;
  it.each<[string, Draft]>([
    ['nobody new [guard: approve-listed]', () => {}],
    [
      'another device',
      (draft, { device }) => {
        draft.entities[device.urn] = { ...device.entity, keys: [...vault.other.invoker.entity.keys] };
      },
    ],
    [
      'only the key that signs',
      (draft, { device }) => {
        draft.entities[device.urn] = { ...device.entity, keys: device.entity.keys.slice(0, 1) };
      },
    ],
    [
      'only the key to seal to',
      (draft, { device }) => {
        draft.entities[device.urn] = { ...device.entity, keys: device.entity.keys.slice(1) };
      },
    ],
    [
      'a third key',
      (draft, { device }) => {
        const keys = [...device.entity.keys, ...vault.other.invoker.entity.keys.slice(0, 1)];
        draft.entities[device.urn] = { ...device.entity, keys };
      },
    ],
    [
      'its keys under two devices',
      (draft, { device }) => {
        const { entity } = device;
        draft.entities[device.urn] = { ...entity, keys: entity.keys.slice(0, 1) };
        draft.entities[urnOf('acme', 'dev', mintId('dev'))] = { ...entity, keys: entity.keys.slice(1) };
      },
    ],
    [
      'its keys under a device that was there',
      (draft, { device }) => {
        const { urn, entity } = vault.acme.invoker;
        draft.entities[urn] = { ...entity, keys: device.entity.keys };
      },
    ],
    [
      'a responder with its keys',
      (draft, { device }) => {
        const { entity } = vault.acme.responders[0];
        const keys = device.entity.keys.map((key) =>
          key.use === 'sig' ? { ...key, pur: ['http' as const, 'reply' as const] } : key,
        );
        draft.entities[urnOf('acme', 'svc', 'responder:eu9')] = { ...entity, keys };
      },
    ],
    [
      'its signing key as revoked',
      (draft, { device }) => {
        draft.entities[device.urn] = device.entity;
        draft.revoked.push({ kid: device.sig.kid, reason: 'keyCompromise', at: vault.acme.now });
      },
    ],
    [
      'its sealing key as revoked',
      (draft, { device }) => {
        draft.entities[device.urn] = device.entity;
        draft.revoked.push({ kid: device.enc?.kid ?? '', reason: 'keyCompromise', at: vault.acme.now });
      },
    ],
  ])('is refused with a directory that lists %s', async (_name, draft) => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    const directory = await acme.signDirectory((next) => draft(next, newcomer));
    const send = () => approve(vault, acme, newcomer.id, directory);
    const refused = await expectRefusal(vault, send, 400, 'validation_failed');
    expect(bodyOf(refused)['detail']).toContain('exactly the two keys of this enrolment');
    expect(bodyOf(await own(newcomer))['state']).toBe('pending');
  });

  it('is refused with a directory that would not be taken without it', async () => {
    const { acme, other } = vault;
    const newcomer = await pendingNewcomer(vault);
    const { device, id } = newcomer;
    const good = await listing(acme, newcomer);
    const expectRefused = (directory: string, status: number, code: 'version_conflict') =>
      expectRefusal(vault, () => approve(vault, acme, id, directory), status, code);
    await expectRefused(acme.documents.directory, 412, 'version_conflict');
    const skipping = await acme.signDirectory((draft) => {
      draft.version += 1;
      draft.entities[device.urn] = device.entity;
    });
    await expectRefused(skipping, 412, 'version_conflict');
    const unsigned = await other.sign('directory', (await parseDirectory(good)).payload);
    await expectRefused(unsigned, 401, 'signature_invalid' as never);
    must(201, await approve(vault, acme, id, good));
    await acme.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
  });

  it('is for those who admit people, in their own organisation', async () => {
    const { acme, other } = vault;
    const newcomer = await pendingNewcomer(vault);
    const directory = await listing(acme, newcomer);
    const path = `${ENROLMENTS}/${newcomer.id}`;
    for (const member of [acme.author, acme.invoker, acme.auditor, acme.responders[0]]) {
      const client = vault.clientOf(member);
      await expectRefusal(vault, () => client.post(`${path}/approval`, { directory }), 403, 'forbidden');
      await expectRefusal(vault, () => client.delete(path), 403, 'forbidden');
      await expectRefusal(vault, () => client.get(ENROLMENTS), 403, 'forbidden');
    }
    const elsewhere = vault.clientOf(other.owner);
    for (const token of [directory, await listing(other, newcomer)]) {
      const send = () => elsewhere.post(`${path}/approval`, { directory: token });
      await expectRefusal(vault, send, 404, 'not_found');
    }
    await expectRefusal(vault, () => elsewhere.delete(path), 404, 'not_found');
    expect(bodyOf<Listed>(must(200, await elsewhere.get(ENROLMENTS))).data).toEqual([]);
    expect(bodyOf(await own(newcomer))['state']).toBe('pending');
  });

  it('can be refused, twice as well as once, and spends the invitation', async () => {
    const { acme } = vault;
    const invited = await invite(vault);
    const newcomer = await newcomerWith(invited, acme);
    must(201, await enrol(vault, newcomer));
    must(204, await refuse(newcomer));
    must(204, await refuse(newcomer));
    expect(bodyOf(await own(newcomer))).toMatchObject({ state: 'refused', device: null });
    const directory = await listing(acme, newcomer);
    await expectRefusal(vault, () => approve(vault, acme, newcomer.id, directory), 412, 'version_conflict');
    const second = await newcomerWith(invited, acme);
    await expectRefusal(vault, () => enrol(vault, second), 409, 'name_taken');
    await expectRefusal(vault, () => owner().delete(`${ENROLMENTS}/${mintId('enr')}`), 404, 'not_found');
  });

  it('happens once: afterwards there is nothing to refuse or approve', async () => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    await letIn(vault, newcomer);
    await expectRefusal(vault, () => refuse(newcomer), 412, 'version_conflict');
    const again = await acme.signDirectory();
    await expectRefusal(vault, () => approve(vault, acme, newcomer.id, again), 412, 'version_conflict');
    must(200, await vault.clientOf(newcomer.device).get(PROMPTS));
  });

  it('is answered as before when it is asked for again', async () => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    const directory = await listing(acme, newcomer);
    const send = () => approve(vault, acme, newcomer.id, directory, { idempotencyKey: 'one-approval-sent-twice' });
    const first = must(201, await send());
    const again = must(201, await send());
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, '?1']);
    await acme.publish((draft) => {
      draft.entities[newcomer.device.urn] = newcomer.device.entity;
    });
  });

  describe('at the same moment', () => {
    it('of two devices, one is in and the other waits for the next directory', async () => {
      const { acme } = vault;
      const newcomers = [await pendingNewcomer(vault), await pendingNewcomer(vault)];
      const tokens = await Promise.all(newcomers.map((newcomer) => listing(acme, newcomer)));
      const answers = await Promise.all(
        newcomers.map(({ id }, index) => untilSettled(() => approve(vault, acme, id, tokens[index] ?? ''))),
      );
      expect(countStatuses(answers)).toEqual({ 201: 1, 412: 1 });
      const states = await Promise.all(newcomers.map(async (newcomer) => String(bodyOf(await own(newcomer))['state'])));
      expect(states.toSorted()).toEqual(['approved', 'pending']);
      const [winner, loser] = states[0] === 'approved' ? newcomers : newcomers.toReversed();
      if (winner === undefined || loser === undefined) throw new Error('there are two');
      await acme.publish((draft) => {
        draft.entities[winner.device.urn] = winner.device.entity;
      });
      await letIn(vault, loser);
      must(200, await vault.clientOf(loser.device).get(PROMPTS));
    });

    it('by two admins, one act counts', async () => {
      const { acme } = vault;
      const newcomer = await pendingNewcomer(vault);
      const sign = () => listing(acme, newcomer);
      const tokens = [await sign(), await sign(), await sign()];
      const answers = await Promise.all(
        tokens.map((token) => untilSettled(() => approve(vault, acme, newcomer.id, token))),
      );
      expect(countStatuses(answers)).toEqual({ 201: 1, 412: 2 });
      await adoptPublished(newcomer);
    });

    it('as it is refused, one of both happens', async () => {
      const { acme } = vault;
      for (let round = 0; round < 4; round++) {
        const newcomer = await pendingNewcomer(vault);
        const token = await listing(acme, newcomer);
        const answers = await Promise.all([
          untilSettled(() => approve(vault, acme, newcomer.id, token)),
          untilSettled(() => refuse(newcomer)),
        ]);
        const statuses = answers.map(({ status }) => status).join(' ');
        const { state } = bodyOf(await own(newcomer));
        expect([`approved 201 412`, 'refused 412 204']).toContain(`${String(state)} ${statuses}`);
        if (state === 'approved') await adoptPublished(newcomer);
      }
    });

    it('as another directory is published, one of both happens', async () => {
      const { acme } = vault;
      const newcomer = await pendingNewcomer(vault);
      const [approving, publishing] = [await listing(acme, newcomer), await acme.signDirectory()];
      const { version } = acme.trust.directory;
      const answers = await Promise.all([
        untilSettled(() => approve(vault, acme, newcomer.id, approving)),
        untilSettled(() => owner().put(DIRECTORY, { directory: publishing }, basedOn(version))),
      ]);
      const [approved, published] = answers.map(({ status }) => status);
      expect(['201 412', '412 200']).toContain(`${approved} ${published}`);
      const state = approved === 201 ? 'approved' : 'pending';
      expect(bodyOf(await own(newcomer))['state']).toBe(state);
      if (approved === 201) await adoptPublished(newcomer);
      else await acme.publish();
    });
  });

  /** Directories signed at one moment with one change are equal byte for byte, so the organisation can follow. */
  async function adoptPublished({ device }: Newcomer): Promise<void> {
    const { acme } = vault;
    await acme.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    const shown = await vault.get('/.well-known/bulla/acme/directory.json');
    expect(JSON.parse(shown.text)).toHaveProperty('payload', JSON.parse(acme.documents.directory).payload);
  }
});
