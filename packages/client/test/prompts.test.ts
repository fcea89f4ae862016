import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { encodeBase64url, generateKeyPair, mintId, parseGrant, parseTag, randomBytes, urnOf } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import { saysTheSame } from '../src/prompts/seal-version.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const DAY_SECONDS = 86_400;
let world: World;
let bulla: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  bulla = await world.client();
});
afterEach(() => world.stop());

const push = (text: string, labels: string[] = []) => bulla.prompts.push(NAME, 'text', draftOf(text), labels);
const changes = () =>
  world.vault.service.requests
    .filter(({ method, name }) => method !== 'GET' && name !== undefined)
    .map(({ name }) => name);
const textOf = async (choice = {}) => (await bulla.prompts.read(NAME, choice)).statement.content.messages[0]?.content;

describe('push', () => {
  it('seals a first version for oneself, responders and those who write it, not for who may run it, and labels it [guard: acl-read-default]', async () => {
    const pushed = await push('one', ['staging', 'latest']);
    const { owner, author, responders } = world.organisation;
    expect(pushed).toMatchObject({ name: NAME, version: 1, changed: true, labels: ['staging', 'latest'] });
    expect(pushed.recipients).toEqual([owner.urn, responders[0].urn, responders[1].urn, author.urn]);
    const { acl } = (await bulla.prompts.read(NAME)).statement;
    expect([acl.invoke, acl.read]).toEqual([
      ['grp:authors', 'grp:release', 'grp:support'],
      ['grp:authors', 'grp:release'],
    ]);
    const invoker = await world.client(world.organisation.invoker);
    await expect(invoker.prompts.read(NAME)).rejects.toMatchObject({ code: 'forbidden' });
    // All of it in one request, or nothing.
    expect(changes()).toEqual(['version.create']);
    expect(world.vault.service.received).not.toContain('Sort this by kestrel');
    expect(await textOf({ label: 'staging' })).toBe('one');
    expect(await textOf({ version: 1 })).toBe('one');
    expect((await bulla.prompts.read(NAME)).author).toBe(owner.urn);
  });

  it('makes no version of an unchanged text, and moves only labels that do not point there', async () => {
    await push('one');
    const before = changes().length;
    expect(await push('one')).toMatchObject({ version: 1, changed: false, recipients: [] });
    expect(changes()).toHaveLength(before);
    expect(await push('one', ['staging'])).toMatchObject({ version: 1, changed: false });
    expect(changes().slice(before)).toEqual(['label.move']);
  });

  it.each([
    ['text', { content: draftOf('two').content }],
    ['rights', { acl: { read: [] } }],
    ['messages it takes', { acceptsMessages: true }],
    ['time it must stay secret', { protectUntil: '2029-01-01' }],
  ])('makes a version of another %s', async (_name, change) => {
    await push('one');
    expect(await bulla.prompts.push(NAME, 'text', draftOf('one', change))).toMatchObject({ version: 2, changed: true });
  });

  it('makes a version of a text that had files before', async () => {
    await push('one');
    const { statement } = await bulla.prompts.read(NAME);
    const { trust, owner } = world.organisation;
    const same = (one: typeof statement) => saysTheSame(one, draftOf('one'), trust, owner.urn);
    expect(same(statement)).toBe(true);
    const hash = encodeBase64url(randomBytes(32));
    expect(same({ ...statement, attachments: [{ id: 'policy.pdf', key: hash, size: 1, hash }] })).toBe(false);
  });

  it('finishes what was interrupted before anything was stored', async () => {
    world.vault.service.lies['version.create'] = () => Promise.reject(new Error('gone'));
    await expect(push('one', ['staging'])).rejects.toMatchObject({ code: 'internal' });
    expect(await bulla.prompts.find(NAME)).toBeUndefined();
    delete world.vault.service.lies['version.create'];
    expect(await push('one', ['staging'])).toMatchObject({ version: 1 });
    expect(await textOf({ label: 'staging' })).toBe('one');
    expect(await textOf()).toBe('one');
    expect(world.vault.named(NAME).versions).toHaveLength(1);
  });

  it('takes no name for what cannot be sealed', async () => {
    await expect(push('a'.repeat(262_144))).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(changes()).toEqual([]);
    expect(await bulla.prompts.find(NAME)).toBeUndefined();
  });

  it('does not take another content than the label says for its own [guard: client-read-content]', async () => {
    await push('one');
    await bulla.prompts.push('claims/other', 'text', draftOf('two'));
    const [stored, other] = [world.vault.named(NAME), world.vault.named('claims/other')];
    stored.versions.splice(0, 1, { ...other.versions[0], version: 1 } as never);
    await expect(push('one')).rejects.toMatchObject({
      name: 'VerifyError',
      code: 'envelope_tampered',
      check: 'content-hash',
    });
    await expect(bulla.prompts.read(NAME)).rejects.toMatchObject({ code: 'envelope_tampered', check: 'content-hash' });
  });

  it('refuses a vault that stored something else than was sent [guard: client-stored]', async () => {
    world.vault.service.lies['version.create'] = () => ({
      body: { version: 1, chash: encodeBase64url(randomBytes(32)), labels: [{ label: 'latest', seq: 1, version: 1 }] },
    });
    await expect(push('one')).rejects.toMatchObject({
      name: 'VerifyError',
      code: 'envelope_tampered',
      check: 'content-hash',
    });
  });

  it('refuses a text whose variables are not as declared, each by its place, and stores nothing [guard: push-variables]', async () => {
    const draft = draftOf('{{claim}} {{other}}');
    const messages = [...draft.content.messages, { role: 'user' as const, content: 'a {{ claim }}' }];
    const vars = { claim: { type: 'string' as const, max: 1, default: 'ab' } };
    const pushing = bulla.prompts.push('claims/wrong', 'chat', {
      ...draft,
      content: { ...draft.content, messages, vars },
    });
    await expect(pushing).rejects.toMatchObject({
      code: 'validation_failed',
      origin: 'client',
      errors: [
        {
          pointer: '/content/messages/1/content',
          message: '{{ at character 3 does not hold one variable name; write \\{{ for braces that are no variable',
        },
        { pointer: '/content/messages/0/content', message: '{{other}} is used but not declared in vars' },
        { pointer: '/content/vars/claim/default', message: 'the default of claim is longer than its max' },
      ],
    });
    expect(await bulla.prompts.find('claims/wrong')).toBeUndefined();
  });

  it('refuses another type than the prompt has', async () => {
    await push('one');
    await expect(bulla.prompts.push(NAME, 'chat', draftOf('one'))).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('makes a version where this device cannot open the newest', async () => {
    await push('one');
    const author = await world.client(world.organisation.author);
    world.vault.named(NAME).versions[0]?.grants.splice(0);
    expect(await author.prompts.push(NAME, 'text', draftOf('one'))).toMatchObject({ version: 2, changed: true });
  });

  it('makes a version after a label of somebody who has left, once it is adopted', async () => {
    await (await world.client(world.organisation.author)).prompts.push(NAME, 'text', draftOf('one'));
    await world.organisation.publish((draft) => {
      draft.revoked.push({ kid: world.organisation.author.sig.kid, reason: 'keyCompromise', at: world.clock.now() });
    });
    const refused = { code: 'forbidden', check: 'tag-threshold' };
    await expect(bulla.prompts.read(NAME)).rejects.toMatchObject(refused);
    const stored = world.vault.named(NAME).versions.length;
    await expect(push('one')).rejects.toMatchObject(refused);
    expect(world.vault.named(NAME).versions).toHaveLength(stored);
    await bulla.labels.adopt(await bulla.labels.adoption(NAME, 'latest'));
    expect(await push('one')).toMatchObject({ version: 2, changed: true });
    expect(await textOf()).toBe('one');
  });

  describe('when somebody else is faster', () => {
    const isMove = ({ method, url }: Request) => method === 'PUT' && url.includes('/labels/');
    const isPush = ({ method, url }: Request) => method === 'POST' && url.endsWith('/versions');
    const isPositions = ({ url }: Request) => url.includes('/positions');
    /** A client of the owner's before whose first request of a kind, a move of a label, something else happens. */
    function outrun(meanwhile: () => Promise<unknown>, isIt = isMove): Promise<Bulla> {
      let isFirst = true;
      const late: typeof fetch = async (input, init) => {
        const request = new Request(input, init);
        if (isFirst && isIt(request)) {
          isFirst = false;
          await meanwhile();
        }
        return fetch(request);
      };
      return world.client(undefined, { fetch: late });
    }

    it('signs latest again where it goes up', async () => {
      await push('one');
      const author = await world.client(world.organisation.author);
      const slow = await outrun(() => author.prompts.moveLabel(NAME, 'latest', 1), isPush);
      expect(await slow.prompts.push(NAME, 'text', draftOf('two'))).toMatchObject({ version: 2 });
      expect(world.vault.position(NAME, 'latest')).toMatchObject({ seq: 3, version: 2 });
    });

    it('leaves latest where it went further [guard: client-latest-upward]', async () => {
      await push('one');
      await push('two');
      const author = await world.client(world.organisation.author);
      await author.prompts.moveLabel(NAME, 'latest', 1);
      const slow = await outrun(() => author.prompts.push(NAME, 'text', draftOf('three')));
      const pushing = slow.prompts.push(NAME, 'text', draftOf('two'));
      await expect(pushing).rejects.toMatchObject({ code: 'label_stale', origin: 'vault' });
      expect(world.vault.position(NAME, 'latest')).toMatchObject({ seq: 4, version: 3 });
    });

    it('stores nothing where another label moved meanwhile, or another version is there', async () => {
      await push('one', ['staging']);
      const author = await world.client(world.organisation.author);
      const moved = await outrun(() => author.prompts.deleteLabel(NAME, 'staging'), isPush);
      const stale = moved.prompts.push(NAME, 'text', draftOf('two'), ['staging']);
      await expect(stale).rejects.toMatchObject({ code: 'label_stale', origin: 'vault' });
      expect(world.vault.named(NAME).versions).toHaveLength(1);
      const slow = await outrun(() => author.prompts.push(NAME, 'text', draftOf('three')), isPush);
      const late = slow.prompts.push(NAME, 'text', draftOf('two'));
      await expect(late).rejects.toMatchObject({ code: 'version_conflict', origin: 'vault' });
      expect(world.vault.position(NAME, 'latest')).toMatchObject({ version: 2 });
    });

    it('follows the labels that an earlier prompt of its name left, which it did not know', async () => {
      const author = await world.client(world.organisation.author);
      await author.prompts.push(NAME, 'text', draftOf('one'));
      await author.prompts.delete(NAME);
      expect(await push('two')).toMatchObject({ version: 1, changed: true });
      expect(world.vault.position(NAME, 'latest')).toMatchObject({ seq: 2, version: 1 });
      expect(await textOf()).toBe('two');
    });

    it('ends a rollback that was decided by where the label stood before [red]', async () => {
      await push('one', ['staging']);
      await push('two', ['staging']);
      const author = await world.client(world.organisation.author);
      const slow = await outrun(() => author.prompts.push(NAME, 'text', draftOf('three'), ['staging']), isPositions);
      await expect(slow.prompts.rollback(NAME, 'staging')).rejects.toMatchObject({ code: 'label_stale' });
      expect(world.vault.position(NAME, 'staging')).toMatchObject({ seq: 3, version: 3 });
    });

    it('ends a move of another label, which was decided by what is no longer so', async () => {
      await push('one', ['staging']);
      await push('two', ['staging']);
      const author = await world.client(world.organisation.author);
      const slow = await outrun(() => author.prompts.moveLabel(NAME, 'staging', 2));
      await expect(slow.prompts.moveLabel(NAME, 'staging', 1)).rejects.toMatchObject({
        name: 'ConflictError',
        code: 'label_stale',
        origin: 'vault',
      });
      await expect(slow.prompts.rollback(NAME, 'staging')).resolves.toMatchObject({ seq: 4, version: 1 });
      expect(world.vault.position(NAME, 'staging')).toMatchObject({ seq: 4, version: 1 });
    });
  });

  it('moves no label that somebody else moved while it was looked at', async () => {
    await push('one');
    const author = await world.client(world.organisation.author);
    let asked = 0;
    world.vault.service.lies['label.get'] = async () => {
      const position = world.vault.position(NAME, 'latest');
      // The first time it is read to open the version, the second to move the label.
      if (++asked === 2) {
        delete world.vault.service.lies['label.get'];
        await author.prompts.push(NAME, 'text', draftOf('between'));
      }
      return { body: { label: 'latest', version: position?.version, seq: position?.seq, tags: position?.tags } };
    };
    await expect(bulla.prompts.moveLabel(NAME, 'latest', 1)).rejects.toMatchObject({ code: 'label_stale' });
    expect(asked).toBe(2);
    expect(await bulla.prompts.moveLabel(NAME, 'latest', 1)).toEqual({ seq: 3, version: 1 });
    world.vault.service.lies['label.move'] = () => Promise.reject(new Problem('label_stale'));
    await expect(bulla.prompts.moveLabel(NAME, 'latest', 1)).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'label_stale',
      origin: 'vault',
    });
  });

  it('leaves a label that somebody else moved while it was to be removed', async () => {
    await push('one', ['staging']);
    let refused = 0;
    world.vault.service.lies['label.move'] = () => {
      refused++;
      return Promise.reject(new Problem('label_stale'));
    };
    await expect(bulla.prompts.deleteLabel(NAME, 'staging')).rejects.toMatchObject({ code: 'label_stale' });
    expect(refused).toBe(1);
  });

  it('shares with more keys than one request takes', async () => {
    const template = world.organisation.invoker.entity.keys.find(({ use }) => use === 'enc');
    const pairs = await Promise.all(Array.from({ length: 64 }, () => generateKeyPair('p256', 'enc')));
    await world.organisation.publish((draft) => {
      for (const { kid, publicJwk: jwk } of pairs) {
        const keys = [{ ...template, kid, jwk }] as (typeof world.organisation.invoker.entity)['keys'];
        draft.entities[urnOf('acme', 'dev', mintId('dev'))] = {
          ...world.organisation.invoker.entity,
          groups: ['grp:many'],
          keys,
        } as never;
      }
    });
    const pushed = await bulla.prompts.push(NAME, 'text', draftOf('one', { acl: { read: ['grp:many'] } }));
    expect(pushed.recipients).toHaveLength(67);
    expect(world.vault.service.of('grant.add')).toHaveLength(1);
    expect(world.vault.named(NAME).versions[0]?.grants).toHaveLength(67);
  });

  it('refuses rights that name a responder nobody knows', async () => {
    const acl = { responders: ['urn:bulla:acme:svc:responder:xx'] };
    await expect(bulla.prompts.push(NAME, 'text', draftOf('one', { acl }))).rejects.toMatchObject({
      code: 'key_unknown',
    });
  });

  it('refuses to protect a text for longer than the keys do', async () => {
    // The suite whose keys have an end.
    const older = await makeWorld({ suite: 'rsa2048' });
    const draft = draftOf('one', { protectUntil: '2031-01-01' });
    const pushing = (await older.client()).prompts.push(NAME, 'text', draft);
    await expect(pushing).rejects.toMatchObject({ code: 'key_invalid', check: 'protect-until' });
    await older.stop();
  });

  it('refuses a device without an active encryption key', async () => {
    await world.organisation.publish((draft) => {
      const entity = draft.entities[world.organisation.owner.urn];
      if (entity !== undefined) entity.keys = entity.keys.filter(({ use }) => use === 'sig');
    });
    await expect(push('one')).rejects.toMatchObject({ code: 'key_unknown' });
  });
});

describe('sealing for an organisation with a recovery key', () => {
  it('adds a grant to it', async () => {
    const other = await makeWorld({ recovery: true });
    await (await other.client()).prompts.push(NAME, 'text', draftOf('one'));
    const audiences = other.vault.named(NAME).versions[0]?.grants.map((grant) => parseGrant(grant).header.aud);
    expect(audiences?.at(-1)).toBe('urn:bulla:acme:recovery');
    await other.stop();
  });
});

describe('reading', () => {
  it('tells the prompt, its versions and all prompts, page by page', async () => {
    for (const text of ['one', 'two', 'three']) await push(text);
    for (const name of ['claims/a', 'claims/b', 'other']) await bulla.prompts.push(name, 'text', draftOf('x'));
    expect((await bulla.prompts.get(NAME)).latest_version).toBe(3);
    const { versions } = await bulla.prompts.history(NAME);
    expect(versions.map(({ version }) => version)).toEqual([3, 2, 1]);
    const names = async (prefix?: string) => {
      const all: string[] = [];
      for await (const { name } of bulla.prompts.list(prefix)) all.push(name);
      return all;
    };
    expect(await names('claims/')).toEqual([NAME, 'claims/a', 'claims/b']);
    expect(await names()).toHaveLength(4);
    expect(await textOf({ version: 2 })).toBe('two');
  });

  it('finds nothing where nothing is', async () => {
    expect(await bulla.prompts.find('nothing')).toBeUndefined();
    await expect(bulla.prompts.get('nothing')).rejects.toMatchObject({ name: 'NotFoundError', code: 'not_found' });
    await push('one');
    await expect(bulla.prompts.read(NAME, { label: 'nowhere' })).rejects.toMatchObject({
      name: 'NotFoundError',
      code: 'label_not_found',
    });
    await expect(bulla.prompts.read(NAME, { version: 9 })).rejects.toMatchObject({
      code: 'not_found',
      origin: 'vault',
    });
    await expect(bulla.prompts.read(NAME, { version: 1, label: 'latest' })).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });

  it('refuses a prompt of another name than was asked for [guard: client-prompt-name]', async () => {
    await push('one');
    world.vault.service.lies['prompt.find'] = () => ({
      body: {
        ...world.vault.named(NAME),
        name: 'other',
        versions: undefined,
        deleted: undefined,
        latest_version: 1,
        labels: [],
        created_at: '2026-11-25T00:00:00.000Z',
        updated_at: '2026-11-25T00:00:00.000Z',
        deleted_at: null,
      },
    });
    await expect(bulla.prompts.get(NAME)).rejects.toMatchObject({
      name: 'VerifyError',
      code: 'envelope_tampered',
      check: 'prompt-name',
    });
  });

  it('is refused for a version that is not sealed to this device', async () => {
    await bulla.prompts.push(NAME, 'text', draftOf('one', { acl: { read: [] } }));
    const author = await world.client(world.organisation.author);
    await expect(author.prompts.read(NAME)).rejects.toMatchObject({
      name: 'AuthError',
      code: 'forbidden',
      status: 403,
    });
    // A grant to a key that this device does not have any more says as much.
    const identity = world.organisation.owner.keyFile;
    const without = await world.client({
      ...world.organisation.owner,
      keyFile: { ...identity, keys: identity.keys.filter(({ use }) => use === 'sig') },
    });
    await expect(without.prompts.read(NAME)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('throws what the vault refuses', async () => {
    world.vault.service.lies['prompt.find'] = () => Promise.reject(new Error('gone'));
    await expect(bulla.prompts.find(NAME)).rejects.toMatchObject({ code: 'internal', origin: 'vault' });
    delete world.vault.service.lies['prompt.find'];
    await push('one');
    world.vault.service.lies['label.get'] = () => Promise.reject(new Error('gone'));
    await expect(bulla.prompts.read(NAME)).rejects.toMatchObject({ code: 'internal' });
    await expect(push('one')).rejects.toMatchObject({ code: 'internal' });
    await expect(bulla.prompts.deleteLabel(NAME, 'latest')).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('labels', () => {
  it('move to an older version, and away', async () => {
    await push('one', ['staging']);
    await push('two', ['staging']);
    expect(await bulla.prompts.moveLabel(NAME, 'staging', 1)).toEqual({ seq: 3, version: 1 });
    expect(await textOf({ label: 'staging' })).toBe('one');
    await bulla.prompts.deleteLabel(NAME, 'staging');
    await expect(textOf({ label: 'staging' })).rejects.toMatchObject({
      name: 'NotFoundError',
      code: 'label_not_found',
    });
    expect(parseTag(world.vault.position(NAME, 'staging')?.tags[0] ?? '').claims).toMatchObject({
      ver: 0,
      chash: '',
      seq: 4,
    });
  });

  it('are not removed where the prompt does not bear them', async () => {
    await push('one', ['staging']);
    await expect(bulla.prompts.deleteLabel(NAME, 'production')).rejects.toMatchObject({
      name: 'NotFoundError',
      code: 'label_not_found',
    });
    expect(world.vault.position(NAME, 'production')).toBeUndefined();
  });

  it('are due two months before their tags end, in the last third of a shorter life, and where no good tag says where they point', async () => {
    await world.organisation.publishPolicy((draft) => {
      draft.labels['canary'] = { groups: ['grp:release'], days: 9 };
    });
    await bulla.refreshTrust();
    await push('one', ['staging', 'canary']);
    await push('two');
    expect(await bulla.prompts.dueLabels(NAME)).toEqual([]);
    world.clock.seconds += 6 * DAY_SECONDS;
    expect(await bulla.prompts.dueLabels(NAME)).toEqual([{ label: 'canary', version: 1 }]);
    world.clock.seconds += 294 * DAY_SECONDS;
    await world.organisation.publish(undefined, world.clock.seconds);
    expect(await bulla.prompts.dueLabels(NAME)).toEqual([
      { label: 'latest', version: 2 },
      { label: 'staging', version: 1 },
      { label: 'canary', version: 1 },
    ]);
  });

  it('are never signed again unasked', async () => {
    await push('one', ['staging']);
    world.clock.seconds += 364 * DAY_SECONDS;
    await world.organisation.publish(undefined, world.clock.seconds);
    expect(await bulla.prompts.renewLabels(NAME)).toEqual([]);
    expect(world.vault.service.of('label.confirm')).toEqual([]);
  });
});

describe('deleting', () => {
  it('frees the name; a prompt that is made again continues its labels', async () => {
    await push('one', ['staging']);
    await bulla.prompts.delete(NAME);
    expect(await bulla.prompts.find(NAME)).toBeUndefined();
    expect(await push('two')).toMatchObject({ version: 1, changed: true });
    expect(world.vault.position(NAME, 'latest')?.seq).toBe(2);
    expect(await textOf()).toBe('two');
    await expect(textOf({ label: 'staging' })).rejects.toMatchObject({ code: 'label_not_found' });
    expect(await push('two', ['staging'])).toMatchObject({ version: 1, changed: false });
    expect(await textOf({ label: 'staging' })).toBe('two');
  });
});
