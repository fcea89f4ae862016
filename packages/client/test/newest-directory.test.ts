import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import type { DirectoryDocument } from '@bulla/crypto';
import { generateKeyPair, parseGrant, parseInvocation } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import type { Handler } from './signed-service.js';
import type { World } from './world.js';
import { draftOf, makeWorld, NOBODY_URL } from './world.js';

const NAME = 'claims/triage';
const VARS = { claim: 'water' };
let world: World;
let bulla: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  bulla = await world.client();
  await bulla.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterEach(() => world.stop());

const revoke = (kid: string) => (draft: DirectoryDocument) => {
  draft.revoked = [...draft.revoked, { kid, reason: 'keyCompromise', at: world.clock.seconds }];
};
const asked = () => world.responder.service.of('invocation.run');
const sealedTo = () => asked().map(({ body }) => parseInvocation((JSON.parse(body) as { inv: string }).inv).header.kid);
const looked = () => world.vault.service.of('directory.get').length;
const grantedIn = ({ body }: { body: string }) =>
  (JSON.parse(body) as { grants: string[] }).grants.map((token) => parseGrant(token).header.kid);

/** Another key that the responder is sealed to, listed after its own. */
async function listSecondKey(): Promise<string> {
  const pair = await generateKeyPair('p256', 'enc');
  await world.organisation.publish((draft) => {
    const entity = draft.entities[world.organisation.responders[0].urn];
    const first = entity?.keys.find(({ use }) => use === 'enc');
    if (first !== undefined) entity?.keys.push({ ...first, kid: pair.kid, jwk: pair.publicJwk });
  });
  return pair.kid;
}

describe('a question', () => {
  it('costs no look at the directory where the envelope names the one that is trusted', async () => {
    const before = looked();
    expect((await bulla.prompt(NAME).run(VARS)).text).toBe('water');
    expect(looked() - before).toBe(0);
  });

  it('is sealed by the newest directory also where the envelope is from before it named one [guard: client-ask-newest]', async () => {
    const [first] = world.organisation.trust.activeKeys(
      world.organisation.responders[0].urn,
      'unwrap',
      0 + world.clock.seconds,
    );
    const second = await listSecondKey();
    await bulla.refreshTrust();
    await world.organisation.publish(revoke(first?.record.kid ?? ''));
    world.vault.forge = () => ({ dir: undefined });
    await bulla
      .prompt(NAME)
      .run(VARS)
      .catch(() => undefined);
    expect(sealedTo()).toEqual([second]);
    const before = looked();
    await bulla
      .prompt(NAME)
      .run(VARS)
      .catch(() => undefined);
    expect(looked() - before).toBe(1);
  });

  it('goes to the address that the newest directory names [guard: client-ask-address]', async () => {
    const [served, { urn }] = [world.responder.service.url, world.organisation.responders[0]];
    const move = (url: string) => (draft: DirectoryDocument) => {
      const entity = draft.entities[urn];
      if (entity?.kind === 'responder') entity.url = url;
    };
    await world.organisation.publish(move(NOBODY_URL));
    await bulla.refreshTrust();
    await world.organisation.publish(move(served));
    await expect(bulla.prompt(NAME).run(VARS)).resolves.toMatchObject({ text: 'water' });
  });

  it.each([
    ['has a newer directory than it shows', (ver: number) => ver + 1, { code: 'key_unknown', check: 'envelope-newer' }],
    ['has another directory of a version', (ver: number) => ver, { code: 'trust_rollback', check: 'envelope-fork' }],
  ])('is not sealed where the vault %s', async (_name, at, refusal) => {
    world.vault.forge = ({ dir }) => ({ dir: { ver: at(dir?.ver ?? 0), hash: 'A'.repeat(43) } });
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject(refusal);
    expect(asked()).toHaveLength(0);
  });

  it('is sealed by its own directory where the vault names one that led there', async () => {
    await world.organisation.publish();
    await bulla.refreshTrust();
    const { ver } = world.organisation.trust.directoryRef;
    const [led = ''] = world.organisation.hashes.hashes.slice(ver - 2);
    world.vault.forge = () => ({ dir: { ver: ver - 1, hash: led } });
    expect((await bulla.prompt(NAME).run(VARS)).text).toBe('water');
    world.vault.forge = () => ({ dir: { ver: ver - 1, hash: 'A'.repeat(43) } });
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ check: 'envelope-fork' });
  });

  /** What becomes of one try after the other; what comes after these is run. */
  function answerWith(...tries: Handler[]): void {
    world.responder.service.lies['invocation.run'] = (incoming) => (tries.shift() ?? world.responder.run)(incoming);
  }
  const refuse =
    (code: 'key_revoked' | 'key_unknown' | 'forbidden', { isNewer = true } = {}): Handler =>
    async () => {
      if (isNewer) await world.organisation.publish();
      throw new Problem(code);
    };

  it.each(['key_revoked', 'key_unknown'] as const)(
    'is asked anew, once, where %s was said of it by a newer directory',
    async (code) => {
      answerWith(refuse(code));
      expect((await bulla.prompt(NAME).run(VARS)).text).toBe('water');
      expect(new Set(asked().map(({ body }) => body)).size).toBe(2);
      answerWith(refuse(code), refuse(code));
      await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code, origin: 'responder' });
      expect(asked()).toHaveLength(4);
    },
  );

  it('is not asked anew where nothing is newer, or something else was said', async () => {
    answerWith(refuse('key_revoked', { isNewer: false }), refuse('forbidden'));
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'key_revoked' });
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'forbidden' });
    expect(asked()).toHaveLength(2);
  });

  it('is not asked anew after a try whose end is not known', async () => {
    answerWith(() => ({ write: (response) => void response.destroy() }), refuse('key_revoked'));
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'key_revoked' });
    expect([asked().length, new Set(asked().map(({ body }) => body)).size]).toEqual([2, 1]);
  });
});

describe('a version', () => {
  it('is sealed once more where the vault finds a key that was revoked in between', async () => {
    const reader = world.organisation.author.enc?.kid ?? '';
    let isFirst = true;
    const { lies } = world.vault.service;
    lies['version.create'] = async () => {
      delete lies['version.create'];
      isFirst = false;
      await world.organisation.publish(revoke(reader));
      throw new Problem('key_revoked');
    };
    const pushed = await bulla.prompts.push('claims/other', 'text', draftOf('Other {{claim}}'));
    expect([isFirst, pushed.version]).toEqual([false, 1]);
    const [before, after] = world.vault.service.of('version.create').slice(-2);
    expect(before && grantedIn(before)).toContain(reader);
    expect(after && grantedIn(after)).not.toContain(reader);
    expect(world.vault.service.of('prompt.create')).toEqual([]);
  });

  it('is not sealed once more where nothing is newer', async () => {
    world.vault.service.lies['version.create'] = () => {
      throw new Problem('key_revoked');
    };
    const refused = bulla.prompts.push(NAME, 'text', draftOf('Sort this: {{claim}}'));
    await expect(refused).rejects.toMatchObject({ code: 'key_revoked', origin: 'vault' });
    expect(world.vault.service.of('version.create')).toHaveLength(2);
  });

  it('is wrapped for those who came, and not for one who was revoked in between', async () => {
    const { lies } = world.vault.service;
    const late = await Promise.all(
      ['one', 'two'].map((slot) => world.organisation.makeDevice(slot, { roles: ['author'], groups: ['grp:authors'] })),
    );
    await world.organisation.publish((draft) => {
      for (const device of late) draft.entities[device.urn] = device.entity;
    });
    const [one, two] = late.map(({ enc }) => enc?.kid);
    lies['grant.add'] = async () => {
      delete lies['grant.add'];
      await world.organisation.publish(revoke(one ?? ''));
      throw new Problem('key_revoked');
    };
    const pushed = await bulla.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'));
    expect(pushed).toMatchObject({ changed: false, recipients: [late[1]?.urn] });
    expect(world.vault.service.of('grant.add').map(grantedIn)).toEqual([[one, two], [two]]);
  });
});

describe('the answer that nothing is newer', () => {
  it('makes no copy younger: after a quarter of an hour all of it is fetched', async () => {
    const roots = () => world.vault.service.of('root.get').length;
    world.clock.seconds += 14 * 60;
    await bulla.prompts.push(NAME, 'text', draftOf('Sort this: {{claim}}'));
    const before = roots();
    world.clock.seconds += 2 * 60;
    await bulla.prompts.push(NAME, 'text', draftOf('Sort that: {{claim}}'));
    expect(roots() - before).toBe(1);
  });
});
