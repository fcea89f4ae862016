import type { InvitationCode, Signer } from '@bulla/crypto';
import { deviceKeyOf, fingerprint, generateKeyPair, parseInvitationCode, parseTag, signTag } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { PendingEnrolment } from '../src/people/enrolment.js';
import { Enrolment, prepareEnrolment } from '../src/people/enrolment.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { pauseless } from './pauseless.js';
import type { PeopleRoom } from './people-room.js';
import { openPeopleRoom } from './people-room.js';
import type { MemoryRecords, PeopleVault } from './people-vault.js';
import type { World } from './world.js';
import { draftOf } from './world.js';

const OFFER = { roles: ['invoker'], groups: ['grp:support'], label: 'laptop', lifeSeconds: 3600 } as const;

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

const options = () => ({ store: new MemoryTrustStore(), now: world.clock.now });
const invite = async (): Promise<InvitationCode> => parseInvitationCode(await owner.people.invite(OFFER, records));

/** A device that has asked to come in. */
async function ask(code: InvitationCode): Promise<{ pending: PendingEnrolment; enrolment: Enrolment }> {
  const pending = await prepareEnrolment(code, 'mine', options());
  const enrolment = new Enrolment(pending, options());
  expect(await enrolment.proceed()).toEqual({ state: 'pending' });
  return { pending, enrolment };
}

describe('an invited device', () => {
  it('is let in with what the inviter recorded, under exactly the keys that it made', async () => {
    const code = await invite();
    const { pending, enrolment } = await ask(code);
    const request = await waiting();
    expect(request).toMatchObject({ proof: 'proved', label: 'mine', record: { label: 'laptop' } });
    expect(request.words).toEqual(await enrolment.words());
    expect(request.fingerprint).toBe(await enrolment.fingerprint());

    const urn = await owner.people.approve(request, { records, signer });
    const listed = (await newest()).entities[urn];
    expect(listed).toMatchObject({ kind: 'device', roles: ['invoker'], groups: ['grp:support'] });
    expect(listed?.keys.map(({ kid, pur }) => ({ kid, pur }))).toEqual(
      pending.keys.keys.map(({ kid, pur }) => ({ kid, pur })),
    );
    for (const { end, nbf } of listed?.keys ?? []) expect(end - nbf).toBeGreaterThanOrEqual(10 * 365 * 86_400);
    expect(await enrolment.proceed()).toMatchObject({ state: 'approved', keys: { urn, keys: pending.keys.keys } });
    // The secret has done its work.
    expect(records.records).toEqual([expect.objectContaining({ label: 'laptop', device: urn })]);
    expect(JSON.stringify(records.records)).not.toContain(code.secret);
    expect(JSON.stringify(pending)).not.toContain(code.secret);
  });

  it('gives the vault neither the secret nor the ticket before it is used', async () => {
    const code = await invite();
    expect(world.vault.service.received).toContain(code.id);
    expect(world.vault.service.received).not.toContain(code.secret);
  });

  it('gets no more than it was given, whatever the vault says of the invitation [red] [guard: enrol-terms]', async () => {
    const code = await invite();
    const stored = vault.invitations.get(code.id);
    if (stored !== undefined) vault.invitations.set(code.id, { ...stored, roles: ['owner'], groups: ['grp:authors'] });
    await ask(code);
    vault.forge = () => ({ roles: ['owner'], groups: ['grp:authors'] }) as never;
    // Members that a request does not have are refused; without them, the record decides.
    await expect(pauseless(waiting)).rejects.toMatchObject({ code: 'transport_failed' });
    vault.forge = () => ({ label: 'owner' });
    const urn = await owner.people.approve(await waiting(), { records, signer });
    expect((await newest()).entities[urn]).toMatchObject({ roles: ['invoker'], groups: ['grp:support'] });
  });

  it.each([
    ['encryption key [guard: enrol-proof]', 'enc'],
    ['signing key', 'sig'],
  ] as const)('whose %s the vault replaced is refused, and its invitation burnt', async (_name, use) => {
    await ask(await invite());
    const { publicJwk: jwk, alg, kid } = await generateKeyPair('p256', use);
    vault.forge = (request) => ({ [use]: { ...request[use], jwk, alg, kid } });
    const request = await waiting();
    expect(request.proof).toBe('forged');
    await expect(owner.people.approve(request, { records, signer })).rejects.toMatchObject({
      name: 'VerifyError',
      code: 'signature_invalid',
      check: 'enrolment-mac',
    });
    expect([...vault.enrolments.values()].map(({ state }) => state)).toEqual(['refused']);
    expect(records.records).toEqual([]);
    expect(vault.directories).toEqual([]);
  });

  it('is known by its keys and not by the names that the vault puts beside them [guard: enrol-own-kids]', async () => {
    await ask(await invite());
    const { kid } = await generateKeyPair('p256', 'sig');
    const honest = await waiting();
    vault.forge = (request) => ({ sig: { ...request.sig, kid } });
    const request = await waiting();
    expect(request.sig.kid).toBe(honest.sig.kid);
    expect(request.proof).toBe('proved');
  });
});

describe('a device that somebody else invited', () => {
  const terms = (words: string) => ({ roles: ['invoker'], groups: [], user: '', label: 'phone', words }) as const;
  const elsewhere = async () => {
    const { enrolment } = await ask(await invite());
    records.records = [];
    return { request: await waiting(), words: (await enrolment.words()).join(' ') };
  };
  const user = () => world.organisation.trust.userOf(world.organisation.invoker.urn) ?? '';

  it('comes in by eight words and what the approver says', async () => {
    const { request, words } = await elsewhere();
    expect(request).toMatchObject({ proof: 'unknown', record: undefined });
    const urn = await owner.people.approve(request, {
      records,
      signer,
      terms: { ...terms(` ${words.toUpperCase()} `), user: user() },
    });
    expect((await newest()).entities[urn]).toMatchObject({ user: user(), roles: ['invoker'], groups: [] });
  });

  it('does not come in by other words, by seven, or without any; and stays to be asked again [guard: enrol-words]', async () => {
    const { request, words } = await elsewhere();
    for (const wrong of [words.split(' ').toReversed().join(' '), words.split(' ').slice(1).join(' '), '']) {
      await expect(
        owner.people.approve(request, { records, signer, terms: { ...terms(wrong), user: user() } }),
      ).rejects.toMatchObject({ code: 'signature_invalid', check: 'enrolment-words' });
    }
    await expect(owner.people.approve(request, { records, signer })).rejects.toMatchObject({
      code: 'validation_failed',
    });
    expect(vault.directories).toEqual([]);
    expect((await waiting()).id).toBe(request.id);
  });
});

describe('a device that asks', () => {
  it('makes no key for a vault with another root', async () => {
    const code = await invite();
    const other = { ...code, pin: `sha256:${'0'.repeat(64)}` };
    await expect(prepareEnrolment(other, 'mine', options())).rejects.toMatchObject({ code: 'pin_mismatch' });
    expect(world.vault.service.of('enrolment.create')).toEqual([]);
  });

  it('goes on with the same keys after an interruption, and is not asked for twice', async () => {
    const pending = await prepareEnrolment(await invite(), 'mine', options());
    const again = new Enrolment(JSON.parse(JSON.stringify(pending)) as PendingEnrolment, options());
    await new Enrolment(pending, options()).proceed();
    expect(await again.proceed()).toEqual({ state: 'pending' });
    expect(world.vault.service.of('enrolment.create')).toHaveLength(1);
  });

  it('says so when another device was faster, or the invitation is none', async () => {
    const code = await invite();
    await ask(code);
    const late = new Enrolment(await prepareEnrolment(code, 'late', options()), options());
    await expect(late.proceed()).rejects.toMatchObject({
      message: expect.stringContaining('is spent'),
    });
    vault.invitations.clear();
    const none = new Enrolment(await prepareEnrolment(code, 'none', options()), options());
    await expect(none.proceed()).rejects.toMatchObject({ message: expect.stringContaining('no open invitation') });
  });

  it('does not take itself for in when the directory lists a further key under its name [guard: enrol-listed-keys]', async () => {
    const { pending, enrolment } = await ask(await invite());
    const keys = await Promise.all([
      deviceKeyOf(pending.request.sig, 'sig'),
      deviceKeyOf(pending.request.enc, 'enc'),
      deviceKeyOf({ jwk: (await generateKeyPair('p256', 'sig')).publicJwk, alg: 'ES256' }, 'sig'),
    ]);
    const { entity, urn } = await world.organisation.makeDevice('guest', { roles: ['invoker'], groups: [] });
    const times = entity.keys[0];
    await world.organisation.publish((draft) => {
      const listed = keys.map((key) => ({ ...times, ...key, pur: key.use === 'sig' ? ['http'] : ['unwrap'] }));
      draft.entities[urn] = { ...entity, keys: listed as never };
    });
    await expect(enrolment.check()).rejects.toMatchObject({ code: 'key_unknown', check: 'enrolment-keys' });
  });

  it('is told when it was refused', async () => {
    const { enrolment } = await ask(await invite());
    await owner.people.refuse(await waiting(), records);
    expect(await enrolment.proceed()).toEqual({ state: 'refused' });
    expect(records.records).toEqual([]);
  });
});

describe('the next directory', () => {
  const revoked = () =>
    ({ kid: world.organisation.auditor.sig.kid, reason: 'keyCompromise', at: world.clock.seconds }) as const;

  it('is not made on an older one than was ever trusted: a revocation would be signed away [red] [guard: next-base]', async () => {
    const old = world.organisation.documents;
    await world.organisation.publish((draft) => {
      draft.revoked.push(revoked());
    });
    await owner.refreshTrust();
    await ask(await invite());
    const request = await waiting();
    world.vault.documents = () => old;
    await expect(owner.people.approve(request, { records, signer })).rejects.toMatchObject({ code: 'trust_rollback' });
    expect(world.vault.service.of('enrolment.approve')).toEqual([]);
    expect(vault.directories).toEqual([]);
  });

  it('keeps every revocation, withdrawal and kept content, and adds to them', async () => {
    const kept = 'VdD_2xLj435NvCEQ0p3htz3KLYtstefb5QJSRFr9rT4';
    const withdrawn = { sub: 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb', below: 2 };
    await world.organisation.publish((draft) => {
      draft.revoked.push(revoked());
      draft.kept.push(kept);
      draft.withdrawn.push(withdrawn);
    });
    await ask(await invite());
    await owner.people.approve(await waiting(), { records, signer });
    await owner.people.revoke(await owner.people.planRevocation(world.organisation.author.urn), {
      signer,
      reason: 'affiliationChanged',
      read: [],
    });
    const directory = await newest();
    expect(directory).toMatchObject({ kept: [kept], withdrawn: [withdrawn] });
    expect(directory.revoked).toEqual([
      revoked(),
      ...world.organisation.author.entity.keys.map(({ kid }) => ({
        kid,
        reason: 'affiliationChanged',
        at: world.clock.seconds,
      })),
    ]);
    expect(vault.directories).toHaveLength(2);
  });

  it('is made once more on what somebody else published meanwhile, and no oftener', async () => {
    await ask(await invite());
    const request = await waiting();
    let others = 0;
    const publishAnother = async () => {
      others++;
      await world.organisation.publish((draft) => {
        draft.withdrawn.push({ sub: `urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25gg${others}`, below: 2 });
      });
    };
    vault.beforePublication = publishAnother;
    await expect(owner.people.approve(request, { records, signer })).rejects.toMatchObject({
      code: 'version_conflict',
    });
    expect(others).toBe(2);
    vault.beforePublication = () => (others === 2 ? publishAnother() : undefined);
    await owner.people.approve(request, { records, signer });
    expect((await newest()).withdrawn).toHaveLength(3);
  });

  it('is signed by nobody but whom root lists [guard: next-signatory]', async () => {
    await ask(await invite());
    const [policySigner] = world.organisation.signers.policy as [Signer];
    const request = await waiting();
    await expect(owner.people.approve(request, { records, signer: policySigner })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(fingerprint(signer.kid)),
    });
    expect(vault.directories).toEqual([]);
  });
});

describe('a revocation', () => {
  const by = (read: readonly never[] = []) => ({ signer, reason: 'keyCompromise', read }) as const;

  it('keeps what another person signed a label for, and nothing that the thief named [guard: kept-others]', async () => {
    const { author } = world.organisation;
    const thief = await world.client(author);
    const good = await thief.prompts.push('claims/good', 'text', draftOf('good'));
    await owner.prompts.moveLabel('claims/good', 'production', 1);
    await thief.prompts.push('claims/good', 'text', draftOf('slipped in'));
    await thief.prompts.push('claims/own', 'text', draftOf('own'), ['production']);
    await owner.prompts.push('claims/mine', 'text', draftOf('mine'));

    const plan = await owner.people.planRevocation(author.urn);
    expect(plan.vouched).toEqual([{ name: 'claims/good', version: 1, chash: good.chash }]);
    expect(plan.unvouched.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([
      'claims/good@2',
      'claims/own@1',
    ]);
    expect(plan.loneLabels).toContainEqual({ name: 'claims/own', label: 'production' });
    // Whatever it holds a grant of, whoever wrote it.
    expect(plan.readable.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([
      'claims/good@1',
      'claims/good@2',
      'claims/mine@1',
      'claims/own@1',
    ]);
    expect(plan.readableNow.toSorted()).toEqual(['claims/good', 'claims/mine', 'claims/own']);
    expect(plan.loneLabels).not.toContainEqual({ name: 'claims/good', label: 'production' });

    await owner.people.revoke(plan, by());
    expect((await newest()).kept).toEqual([good.chash]);
    expect(await owner.prompts.read('claims/good', { label: 'production' })).toMatchObject({ chash: good.chash });
    const refused = { code: 'unauthenticated', status: 401 };
    await expect((await world.client(author)).requireOwnKey()).rejects.toMatchObject(refused);
  });

  it('does not believe a vault that shows the tag of a thief as that of another label or person [red] [guard: kept-verified]', async () => {
    const { author } = world.organisation;
    const thief = await world.client(author);
    await thief.prompts.push('claims/good', 'text', draftOf('slipped in'));
    const tags = world.vault.position('claims/good', 'latest')?.tags ?? [];
    const inAnothersName = { ...parseTag(tags[0] ?? '').claims, iss: world.organisation.owner.urn };
    const forged = await signTag(inAnothersName, author.signer);
    const shown = { latest: tags, production: tags, staging: [forged] };
    world.vault.service.lies['label.list'] = () => ({
      body: { data: Object.entries(shown).map(([label, of]) => ({ label, version: 1, seq: 1, tags: of })) },
    });
    const plan = await owner.people.planRevocation(author.urn);
    expect(plan.vouched).toEqual([]);
    expect(plan.unvouched).toHaveLength(1);
  });

  it('keeps a text that was read, by what was read and not by its number [guard: kept-author]', async () => {
    const { author } = world.organisation;
    const thief = await world.client(author);
    const { chash } = await thief.prompts.push('claims/own', 'text', draftOf('a good text'));
    const mine = await owner.prompts.push('claims/mine', 'text', draftOf('mine'));
    const read = await owner.people.readForKeeping(author.urn, 'claims/own', 1);
    expect(read.statement.content.messages[0]?.content).toBe('a good text');
    await expect(owner.people.readForKeeping(author.urn, 'claims/mine', mine.version)).rejects.toMatchObject({
      code: 'validation_failed',
    });
    const plan = await owner.people.planRevocation(author.urn);
    await owner.people.revoke(plan, { signer, reason: 'affiliationChanged', read: [read] });
    expect((await newest()).kept).toEqual([chash]);
  });

  it('leaves an owner [guard: revoke-last-owner]', async () => {
    const plan = await owner.people.planRevocation(world.organisation.owner.urn);
    await expect(owner.people.revoke(plan, by())).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('no owner would be left'),
    });
    expect(vault.directories).toEqual([]);
  });
});
