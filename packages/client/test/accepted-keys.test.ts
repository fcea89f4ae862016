import type { KeyFile, KeyPurpose, Signer, Trust } from '@bulla/crypto';
import { fingerprint, isCheckpointKey, isSealAlg, loadSigner, privateJwkOf } from '@bulla/crypto';
import type { PublicKeys } from '@bulla/crypto/key-files';
import { readPublicKeys, signPublicKeys } from '@bulla/crypto/key-files';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { makeCheckpointKey, makeKeyFile } from '../src/node/home/key-file.js';
import type { AcceptOptions } from '../src/people/people.js';
import { openPeopleRoom } from './people-room.js';
import type { PeopleVault } from './people-vault.js';
import type { World } from './world.js';
import { draftOf } from './world.js';

// Keys that a service states of itself, and a holder of the directory's key lists.

let world: World;
let vault: PeopleVault;
let owner: Bulla;
let signer: Signer;
beforeEach(async () => {
  ({ world, vault, owner, signer } = await openPeopleRoom());
});
afterEach(() => world.stop());

describe('new keys of a responder', () => {
  const urn = 'urn:bulla:acme:svc:responder:eu1';
  const fresh = async (of = urn) => {
    const { keys, ...file } = await makeKeyFile('acme', of, 'p256', ['http', 'reply'], ['unwrap']);
    return { ...file, keys: [...keys, await makeCheckpointKey(2)] };
  };
  /** What its operator hands over, once the file is in its place. */
  const statedBy = async (file: KeyFile) => {
    vault.held.push(...file.keys.map(({ kid }) => kid));
    return readPublicKeys(await signPublicKeys(file, world.clock.seconds));
  };
  const stated = async (of = urn) => statedBy(await fresh(of));
  const accept = (keys: PublicKeys, changes: Partial<AcceptOptions> = {}) =>
    owner.people.acceptKeys(keys, {
      kind: 'responder',
      wanted: fingerprint(keys.kid),
      compromised: false,
      signer,
      ...changes,
    });
  const activeOf = (trust: Trust, ...purposes: KeyPurpose[]) =>
    purposes.flatMap((purpose) => trust.activeKeys(urn, purpose, world.clock.seconds)).map(({ record }) => record.kid);

  it.each([
    [false, []],
    [true, ['keyCompromise', 'keyCompromise', 'keyCompromise']],
  ])('are listed once their fingerprint came another way (compromised: %s)', async (compromised, reasons) => {
    const keys = await stated();
    const before = world.organisation.responders[0].sig.kid;
    const accepted = await accept(keys, { compromised });
    expect(accepted).toMatchObject({ urn, before: [fingerprint(before)], after: fingerprint(keys.kid) });
    expect(accepted.added).toEqual(keys.keys);
    const trust = await owner.trust();
    const old = compromised ? [] : world.organisation.responders[0].keyFile.keys.filter(isCheckpointKey);
    expect(activeOf(trust, 'reply', 'unwrap', 'checkpoint')).toEqual([...keys.keys, ...old].map(({ kid }) => kid));
    expect(trust.directory.revoked.map(({ reason }) => reason)).toEqual(reasons);
    expect(trust.isRevoked(before)).toBe(compromised);
  });

  it('may be one that is sealed to, beside the one there is; of older ones that nobody lists none is new', async () => {
    const { keyFile } = world.organisation.responders[0];
    const [newest, older] = await Promise.all(
      [1, 2].map(async () => (await makeKeyFile('acme', urn, 'p256', ['http', 'reply'], ['unwrap'])).keys[1]),
    );
    if (newest === undefined || older === undefined) throw new Error('a key file without an encryption key');
    const isSealedTo = ({ use }: { use: string }) => use === 'enc';
    const [sealedTo] = keyFile.keys.filter(isSealedTo);
    const others = keyFile.keys.filter((key) => !isSealedTo(key));
    const keys = await statedBy({ ...keyFile, keys: [newest, older, ...keyFile.keys.filter(isSealedTo), ...others] });
    expect((await accept(keys)).added.map(({ kid }) => kid)).toEqual([newest.kid]);
    const trust = await owner.trust();
    expect(activeOf(trust, 'unwrap')).toEqual([newest.kid, sealedTo?.kid]);
    expect(activeOf(trust, 'reply')).toEqual([keys.kid]);

    const plan = await owner.people.planRetirement(urn);
    const ending = [{ kid: sealedTo?.kid, newest: newest.kid, use: 'enc' }];
    const rest = { lacking: [], untried: [], heard: false, notHeld: [] };
    expect(plan).toEqual({ service: urn, kind: 'responder', older: ending, ...rest });
    expect(activeOf(await owner.people.retire(plan, signer), 'unwrap')).toEqual([newest.kid]);
    await expect(owner.people.planRetirement('urn:bulla:acme:svc:responder:none')).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('are retired only when the newest opens all that they open [guard: retire-lacking]', async () => {
    const older = [{ kid: 'two', newest: 'one', use: 'enc' as const }];
    const lacking = [{ name: 'claims/triage', version: 1 }];
    const rest = { lacking, untried: [], heard: true, notHeld: [] };
    const plan = { service: urn, kind: 'responder' as const, older, ...rest };
    await expect(owner.people.retire(plan, signer)).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('sealed to an older key alone'),
    });
    expect(vault.directories).toEqual([]);
  });

  it('are not retired where the service does not hold the newest, but with a word of its own [guard: retire-not-held]', async () => {
    const { keyFile } = world.organisation.responders[0];
    const own = keyFile.keys.map(({ kid }) => kid);
    const lost = (await makeKeyFile('acme', urn, 'p256', ['http', 'reply'], ['unwrap'])).keys.slice(1);
    const file = { ...keyFile, keys: [...lost, ...keyFile.keys] };
    await accept(await readPublicKeys(await signPublicKeys(file, world.clock.seconds)), { fileLater: true });
    vault.held = own;
    const [listed, held] = activeOf(await owner.trust(), 'unwrap');
    expect(own).not.toContain(listed);
    const beside = await owner.people.heldBesideListed(urn);
    expect([beside.notHeld.map(({ kid }) => kid), beside.notListed]).toEqual([[listed], []]);

    const plan = await owner.people.planRetirement(urn);
    expect(plan).toMatchObject({ older: [{ kid: held, newest: listed }], notHeld: [listed] });
    await expect(owner.people.retire(plan, signer)).rejects.toMatchObject({ check: 'key-not-held' });
    const way = await owner.people.planRetirement(urn, { endsNotHeld: true });
    expect(way).toMatchObject({ older: [{ kid: listed, newest: held }], notHeld: [] });
    expect(activeOf(await owner.people.retire(way, signer), 'unwrap')).toEqual([held]);
    expect((await owner.people.heldBesideListed(urn)).notHeld).toEqual([]);
    const ofNobody = 'A'.repeat(43);
    vault.held = [...own, ofNobody];
    expect((await owner.people.heldBesideListed(urn)).notListed).toEqual([ofNobody]);
  });

  it('are not ended where the service says that it holds none of them [guard: retire-none-held]', async () => {
    vault.held = [];
    await expect(owner.people.planRetirement(urn, { endsNotHeld: true })).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('it would be left with none'),
    });
  });

  it.each([
    [true, 'has not found that its newest key opens 1 versions'],
    [false, 'could not be asked whether its newest key opens 1 versions'],
  ])(
    'are retired only when their responder found that the newest opens them, or somebody goes by the vault [guard: retire-untried]',
    async (heard, told) => {
      const older = [{ kid: 'two', newest: 'one', use: 'enc' as const }];
      const untried = [{ name: 'claims/triage', version: 1 }];
      const plan = { service: urn, kind: 'responder' as const, older, lacking: [], untried, heard, notHeld: [] };
      await expect(owner.people.retire(plan, signer)).rejects.toMatchObject({
        code: 'validation_failed',
        message: expect.stringContaining(told),
      });
      // Then it is the newest key itself that is looked for.
      await expect(owner.people.retire(plan, signer, { unheard: true })).rejects.toMatchObject({
        message: expect.stringContaining('was revoked or has ended meanwhile'),
      });
      expect(vault.directories).toEqual([]);
    },
  );

  it('open what their responder tried, and not what the vault lists alone [guard: retire-tried]', async () => {
    const { keyFile } = world.organisation.responders[0];
    await owner.prompts.push('claims/triage', 'text', draftOf('one'));
    const [newest] = (await makeKeyFile('acme', urn, 'p256', ['http', 'reply'], ['unwrap'])).keys.slice(1);
    if (newest === undefined) throw new Error('a key file without an encryption key');
    await accept(await statedBy({ ...keyFile, keys: [newest, ...keyFile.keys] }));
    await owner.grants.reseal('claims/triage', 1);
    const { lies } = world.responder.service;
    const tried = (fit: boolean) => () => ({ body: { data: [{ whash: 'A'.repeat(43), fit }], next_cursor: null } });
    const one = { name: 'claims/triage', version: 1 };
    expect(await owner.people.planRetirement(urn)).toMatchObject({ untried: [one], heard: false });
    lies['grant.tried'] = tried(true);
    expect(await owner.people.planRetirement(urn)).toMatchObject({ lacking: [], untried: [], heard: true });
    lies['grant.tried'] = tried(false);
    expect(await owner.people.planRetirement(urn)).toMatchObject({ lacking: [], untried: [one], heard: true });
  });

  it('are not retired where the newest was revoked after it was looked at [guard: retire-newest]', async () => {
    const [sealedTo] = world.organisation.responders[0].keyFile.keys.filter(({ use }) => use === 'enc');
    const newest = sealedTo?.kid ?? '';
    const plan = {
      service: urn,
      kind: 'responder' as const,
      older: [{ kid: 'two', newest, use: 'enc' as const }],
      lacking: [],
      notHeld: [],
      untried: [],
      heard: true,
    };
    await world.organisation.publish((draft) => {
      draft.revoked.push({ kid: newest, reason: 'keyCompromise', at: world.clock.seconds });
    });
    await expect(owner.people.retire(plan, signer)).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('was revoked or has ended meanwhile'),
    });
    expect(vault.directories).toEqual([]);
  });

  it('leave its key for checkpoints where the file, from before there were any, has none', async () => {
    const [responder] = world.organisation.responders;
    const before = activeOf(await owner.trust(), 'checkpoint');
    expect(before).toHaveLength(1);
    const keys = await statedBy(await makeKeyFile('acme', responder.urn, 'p256', ['http', 'reply'], ['unwrap']));
    await accept(keys);
    expect(activeOf(await owner.trust(), 'reply', 'unwrap', 'checkpoint')).toEqual([
      ...keys.keys.map(({ kid }) => kid),
      ...before,
    ]);
  });

  it('may be one for checkpoints alone: the others stay as they are, and it signs for two years at most', async () => {
    const [{ keyFile }] = world.organisation.responders;
    const others = keyFile.keys.filter((key) => !isCheckpointKey(key));
    await world.organisation.publish((draft) => {
      const entity = draft.entities[urn];
      if (entity !== undefined) entity.keys = entity.keys.filter((key) => !isCheckpointKey(key));
    });
    const added = await makeCheckpointKey(2);
    const keys = await statedBy({ ...keyFile, keys: [...others, added] });
    expect((await accept(keys)).added.map(({ kid }) => kid)).toEqual([added.kid]);
    const trust = await owner.trust();
    expect(activeOf(trust, 'reply', 'unwrap', 'checkpoint')).toEqual([...others, added].map(({ kid }) => kid));
    const record = trust.holder(added.kid)?.record;
    expect([record?.log, record && record.use_until - record.nbf]).toEqual([2, 2 * 365 * 86_400]);
    // The next one comes before it, which signs until the responder starts anew.
    const next = await makeCheckpointKey(3);
    await accept(await statedBy({ ...keyFile, keys: [...others, next, added] }));
    expect(activeOf(await owner.trust(), 'reply', 'unwrap', 'checkpoint')).toEqual(
      [...others, next, added].map(({ kid }) => kid),
    );
  });

  it.each([
    ['of the log whose key is listed [guard: accept-log-number]', 1, 'a new key is of a later log'],
    ['of no log [guard: accept-log]', undefined, 'a key for checkpoints that is of no log'],
  ])('are not listed with a key for checkpoints %s', async (_what, log, message) => {
    const [{ keyFile }] = world.organisation.responders;
    const others = keyFile.keys.filter((key) => !isCheckpointKey(key));
    const { log: _log, ...made } = { log: 0, ...(await makeCheckpointKey(1)) };
    const keys = await statedBy({ ...keyFile, keys: [...others, log === undefined ? made : { ...made, log }] });
    await expect(accept(keys)).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining(message),
    });
    expect(vault.directories).toEqual([]);
  });

  it('are refused by another fingerprint, for another organisation, and for what is no responder [guard: accept-fingerprint] [guard: accept-kind]', async () => {
    const keys = await stated();
    const wanted = fingerprint(signer.kid);
    await expect(accept(keys, { wanted })).rejects.toMatchObject({ code: 'responder_key_changed' });
    const vaults = await statedBy(world.organisation.vault.keyFile);
    for (const other of [vaults, await stated('urn:bulla:acme:svc:responder:none')])
      await expect(accept(other)).rejects.toMatchObject({
        code: 'validation_failed',
        message: expect.stringContaining('the directory lists no responder'),
      });
    await expect(accept(keys, { kind: 'vault' })).rejects.toMatchObject({
      message: expect.stringContaining('the directory lists no vault'),
    });
    expect(vault.directories).toEqual([]);
  });

  it('are not listed while the service does not hold them, which says what to do [guard: accept-held]', async () => {
    const file = await fresh();
    const keys = await statedBy(file);
    const [sig, enc] = file.keys.map(({ kid }) => fingerprint(kid));
    vault.held = vault.held.filter((kid) => kid === keys.kid);
    const refused = await accept(keys).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'validation_failed', check: 'key-file' });
    expect([String(refused).includes(sig ?? '?'), String(refused).includes(enc ?? '?')]).toEqual([false, true]);
    expect(vault.directories).toEqual([]);
    vault.held = file.keys.map(({ kid }) => kid);
    await accept(keys);
    expect(activeOf(await owner.trust(), 'unwrap')).toEqual([file.keys[1]?.kid]);
  });

  it('are not listed where nobody says whether they are there, unless the file is to come later', async () => {
    const keys = await stated();
    const { service } = world.responder;
    service.lies['key.held'] = () => ({ write: (response) => void response.destroy() });
    await expect(accept(keys)).rejects.toMatchObject({
      code: 'transport_failed',
      check: 'key-file',
      message: expect.stringContaining(`nobody could be asked whether ${urn} holds its new keys`),
    });
    expect(vault.directories).toEqual([]);
    const asked = service.of('key.held').length;
    await accept(keys, { fileLater: true });
    expect(service.of('key.held')).toHaveLength(asked);
    expect(activeOf(await owner.trust(), 'reply')).toEqual([keys.kid]);
  });

  it('may sign the answer to that themselves, and no other key that nobody lists may', async () => {
    const file = await fresh();
    const keys = await statedBy(file);
    const { service } = world.responder;
    const { signer: other } = await world.organisation.makeDevice('somebody', { roles: ['invoker'], groups: [] });
    service.member = { keyid: `${urn}#${other.kid}`, signer: other };
    await expect(accept(keys)).rejects.toMatchObject({ code: 'responder_key_changed', check: 'response-key' });
    expect(vault.directories).toEqual([]);
    // It was started with the new file before anybody listed its keys.
    const [sig] = file.keys;
    if (sig === undefined || isSealAlg(sig.alg)) throw new Error('a key file without a signing key');
    service.member = { keyid: `${urn}#${keys.kid}`, signer: await loadSigner(privateJwkOf(sig), sig.alg) };
    await accept(keys);
    expect(activeOf(await owner.trust(), 'reply')).toEqual([keys.kid]);
  });

  it('are refused where they are listed already', async () => {
    await expect(accept(await statedBy(world.organisation.responders[0].keyFile))).rejects.toMatchObject({
      message: expect.stringContaining('lists these keys already'),
    });
    expect(vault.directories).toEqual([]);
  });

  it('are not taken on the word of a key that counts no more [guard: accept-signer]', async () => {
    const [{ keyFile, sig }] = world.organisation.responders;
    await accept(await stated());
    const published = vault.directories.length;
    const keys = await statedBy({ ...keyFile, keys: [...keyFile.keys.slice(0, 2), await makeCheckpointKey(3)] });
    expect(keys.kid).toBe(sig.kid);
    await expect(accept(keys)).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('which counts no more'),
    });
    expect(vault.directories).toHaveLength(published);
  });

  it('are all new where the old ones are compromised [guard: accept-compromised]', async () => {
    const [{ keyFile }] = world.organisation.responders;
    const keys = await statedBy({ ...keyFile, keys: [...keyFile.keys.slice(0, 2), await makeCheckpointKey(2)] });
    await expect(accept(keys, { compromised: true })).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('all must be new'),
    });
    expect(vault.directories).toEqual([]);
  });

  it('are not listed where they would leave no responder that can be used: nothing is signed', async () => {
    const [, other] = world.organisation.responders;
    await world.organisation.publish((draft) => {
      delete draft.entities[other.urn];
    });
    // It could answer, and open nothing.
    const keys = await statedBy(await makeKeyFile('acme', urn, 'p256', ['http', 'reply']));
    await expect(accept(keys, { compromised: true })).rejects.toMatchObject({
      code: 'validation_failed',
      check: 'lock-out-directory',
    });
    expect(vault.directories).toEqual([]);
  });

  it.each([
    [false, 2],
    [true, 1],
  ])('come from the vault, too, whose old ones sign until their end (compromised: %s)', async (compromised, count) => {
    const of = world.organisation.vault;
    const { keys, ...file } = await makeKeyFile('acme', of.urn, 'p256', ['http', 'envelope']);
    const own = await statedBy({ ...file, keys: [...keys, await makeCheckpointKey(2)] });
    const accepted = await accept(own, { kind: 'vault', compromised });
    expect(accepted).toMatchObject({ urn: of.urn, before: [fingerprint(of.sig.kid)], after: fingerprint(own.kid) });
    const trust = await owner.trust();
    for (const purpose of ['http', 'envelope', 'checkpoint'] as const) {
      const active = trust.activeKeys(of.urn, purpose, world.clock.seconds).map(({ record }) => record.kid);
      expect(active).toHaveLength(count);
      expect(own.keys.map(({ kid }) => kid)).toContain(active[0]);
    }
    expect(trust.isRevoked(of.sig.kid)).toBe(compromised);
  });

  it('are noticed by whoever asks it, with both fingerprints', async () => {
    await owner.prompts.push('claims/one', 'text', draftOf('{{claim}}'), ['production']);
    const [, other] = world.organisation.responders;
    const { signer: next } = await world.organisation.makeDevice('new responder', { roles: ['invoker'], groups: [] });
    world.responder.service.member = { keyid: `${urn}#${next.kid}`, signer: next };
    world.responder.service.lies['invocation.run'] = () => {
      throw Object.assign(new Error('cannot open'), {});
    };
    const running = owner.prompt('claims/one').run({ claim: 'x' });
    await expect(running).rejects.toMatchObject({
      name: 'TrustError',
      code: 'responder_key_changed',
      check: 'response-key',
    });
    const message = await running.catch((error: unknown) => String(error));
    expect(message).toContain(fingerprint(next.kid));
    expect(message).toContain(fingerprint(world.organisation.responders[0].sig.kid));
    // A key that is listed under another name does not count as a new key.
    world.responder.service.member = other;
    await expect(owner.prompt('claims/one').run({ claim: 'x' })).rejects.toMatchObject({ code: 'transport_failed' });
  });
});
