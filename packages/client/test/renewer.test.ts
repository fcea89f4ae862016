import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { parseDirectoryFreshness, parseLabelFreshness, parseTag, signTag } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import { Renewer } from '../src/renewer/renewer.js';
import { firstMemory } from '../src/renewer/renewer-adoption.js';
import { renewerIdentityOf } from '../src/renewer/renewer-identity.js';
import type { TrustStore } from '../src/trust/trust-store.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const LABEL = 'production';
const DAY_SECONDS = 86_400;
let world: World;
let store: TrustStore;
let authorStore: TrustStore;
let author: Bulla;
let renewer: Renewer;
beforeEach(async () => {
  world = await makeWorld({ renewers: 1 });
  store = new MemoryTrustStore();
  authorStore = new MemoryTrustStore();
  author = await world.client(undefined, { store: authorStore });
  await store.update('acme', world.organisation.pin, () => firstMemory(world.organisation.trust, world.clock.seconds));
  renewer = await aRenewer();
});
afterEach(() => world.stop());

async function aRenewer(change: { store?: TrustStore } = {}): Promise<Renewer> {
  const [member] = world.organisation.renewers;
  if (member === undefined) throw new Error('there is no renewer');
  const identity = await renewerIdentityOf(member.keyFile);
  const { pin } = world.organisation;
  const { now } = world.clock;
  const notice = (message: string) => void world.notices.push(message);
  return new Renewer({ url: world.vault.service.url, identity, pin, store, now, notice, ...change });
}
const push = (text: string, labels: readonly string[] = [LABEL]) =>
  author.prompts.push(NAME, 'text', draftOf(text), labels);
/** What it last said of a label, if anything. */
function wordFor(label = LABEL) {
  const position = world.vault.position(NAME, label);
  const [word] = position === undefined ? [] : world.vault.positions.wordsOf(position);
  return word === undefined ? undefined : parseLabelFreshness(word).claims;
}
/** So many days later; somebody signs the directory anew where that is said. */
async function later(days: number, { publish = true } = {}): Promise<void> {
  world.clock.seconds += days * DAY_SECONDS;
  if (publish) await world.organisation.publish(undefined, world.clock.seconds);
}
const headIn = async (where: TrustStore, label = LABEL) =>
  (await where.load('acme', world.organisation.pin))?.names
    .find(([name]) => name === NAME)?.[1]
    .labels.find((one) => one.label === label);
const bodyOf = (text: string) => JSON.parse(text) as { fresh: string[] };
const posted = () => world.vault.service.of('label.freshen').length;

describe('a round', () => {
  it('calls the newest directory so, and every position that was signed lately', async () => {
    await push('one');
    const { version } = world.organisation.trust.directory;
    expect(await renewer.round()).toEqual({ directory: version, labels: 2, held: [] });
    const [word = ''] = world.vault.freshWords;
    const iat = world.clock.seconds;
    const { urn: iss } = world.organisation.renewers[0] ?? {};
    const says = { iss, aud: 'urn:bulla:acme', dir: world.organisation.trust.directoryRef };
    const times = { iat, exp: iat + 7 * DAY_SECONDS };
    expect(parseDirectoryFreshness(word).claims).toEqual({ ...says, ...times, purpose: 'directory.fresh' });
    expect(wordFor()).toMatchObject({ ...says, ...times, name: NAME, tag: LABEL, seq: 1 });
  });

  it('keeps both so for months, though nobody else signs anything', async () => {
    await push('one');
    await renewer.round();
    for (let day = 0; day < 60; day += 6) {
      await later(6, { publish: false });
      expect(await renewer.round()).toMatchObject({ labels: 2, held: [] });
    }
    expect((await author.prompt(NAME).run({ claim: 'a' })).verified).toBe(true);
    await later(8, { publish: false });
    await expect(author.prompt(NAME).run({ claim: 'a' })).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'directory-fresh',
      message: expect.stringContaining('the service renew'),
    });
    // However late, it begins again where it was.
    await renewer.round();
    expect((await author.prompt(NAME).run({ claim: 'a' })).verified).toBe(true);
  });

  it('signs nothing at all without a memory [guard: renewer-memory]', async () => {
    await push('one');
    const forgetful = await aRenewer({ store: new MemoryTrustStore() });
    const lost = { code: 'trust_rollback', check: 'renewer-memory', message: expect.stringContaining('--adopt') };
    await expect(forgetful.round()).rejects.toMatchObject(lost);
    await expect(forgetful.follow(authorStore)).rejects.toMatchObject(lost);
    expect([posted(), world.vault.freshWords]).toEqual([0, []]);
  });

  it('says nothing of a position that is new here and was signed long ago [guard: renewer-unknown]', async () => {
    await push('one');
    await later(7);
    const held = await renewer.round();
    expect(held).toMatchObject({ labels: 0 });
    expect(held.held.map(({ label, why }) => [label, why])).toEqual([
      ['latest', expect.stringContaining('--adopt')],
      [LABEL, expect.stringContaining('--adopt')],
    ]);
    expect(await headIn(store)).toBeUndefined();
  });

  it('takes a later position that was signed long ago, which ends the one before, and says nothing of it [guard: renewer-vouched]', async () => {
    await push('one');
    await renewer.round();
    await push('two');
    await later(7);
    expect(await renewer.round()).toMatchObject({ labels: 0, held: [{ label: 'latest' }, { label: LABEL }] });
    expect(await headIn(store)).toMatchObject({ seq: 2 });
    expect(wordFor()).toBeUndefined();
    // After a person who may sign it signs it again, the renewer calls it the newest.
    await author.labels.adopt(await author.labels.adoption(NAME, LABEL));
    await author.labels.confirm(NAME, await author.labels.standing(NAME, LABEL));
    expect(await renewer.round()).toMatchObject({ labels: 1, held: [{ label: 'latest' }] });
    await later(7);
    expect(await renewer.round()).toMatchObject({ labels: 1 });
  });

  it('takes nothing that too few people signed [guard: renewer-signed]', async () => {
    await push('one');
    await renewer.round();
    await push('two');
    await world.organisation.publishPolicy((draft) => {
      draft.labels[LABEL] = { groups: ['grp:release'], threshold: 2 };
    });
    const { held } = await renewer.round();
    expect(held).toEqual([{ name: NAME, label: LABEL, seq: 2, why: '1 of 2 people needed signed it' }]);
    expect(await headIn(store)).toMatchObject({ seq: 1 });
  });

  it('says nothing of a label that is gone, and remembers that it is', async () => {
    await push('one');
    await author.prompts.deleteLabel(NAME, LABEL);
    expect(await renewer.round()).toMatchObject({ labels: 1, held: [] });
    expect(await headIn(store)).toMatchObject({ seq: 2, ver: 0 });
  });

  it('follows no position that does not come after what it has: both are kept, and the rest goes on', async () => {
    await push('one');
    await push('two');
    await renewer.round();
    world.vault.labels.get(`${NAME} ${LABEL}`)?.pop();
    const { labels, held } = await renewer.round();
    expect(labels).toBe(1);
    expect(held).toEqual([{ name: NAME, label: LABEL, seq: 1, why: expect.stringContaining('does not come after') }]);
    expect((await store.load('acme', world.organisation.pin))?.forks).toHaveLength(1);
    expect(wordFor()).toBeUndefined();
  });

  it('goes over moves that it did not see', async () => {
    await push('one');
    await renewer.round();
    for (const text of ['two', 'three', 'four']) await push(text);
    expect(await renewer.round()).toMatchObject({ labels: 2, held: [] });
    expect(await headIn(store)).toMatchObject({ seq: 4, vouched: true });
  });

  it('passes over a tag that somebody forged, and goes on', async () => {
    await push('one');
    const held = world.vault.labels.get(`${NAME} ${LABEL}`);
    const [position] = held ?? [];
    if (held === undefined || position === undefined) throw new Error('the label is not there');
    held[0] = { ...position, tags: [`${position.tags[0]?.slice(0, -8)}AAAAAAAA`] };
    const round = await renewer.round();
    expect(round.labels).toBe(1);
    expect(round.held).toEqual([expect.objectContaining({ label: LABEL })]);
  });

  it('is done by one request for a hundred positions', async () => {
    await push('one');
    const position = world.vault.position(NAME, LABEL);
    const { claims } = parseTag(position?.tags[0] ?? '');
    for (let index = 1; index < 120; index++) {
      const label = `label-${index}`;
      const tags = [await signTag({ ...claims, tag: label }, world.organisation.owner.signer)];
      world.vault.labels.set(`${NAME} ${label}`, [{ prompt: '', version: 1, seq: 1, ...position, tags }]);
    }
    expect(await renewer.round()).toMatchObject({ labels: 121, held: [] });
    const sizes = world.vault.service.of('label.freshen').map(({ body }) => bodyOf(body).fresh.length);
    expect(sizes).toEqual([100, 21]);
  });

  it('begins anew where somebody published meanwhile, and not for ever', async () => {
    let tries = 0;
    world.vault.service.lies['directory.freshen'] = async () => {
      if ((tries += 1) === 1) await world.organisation.publish();
      throw new Problem('version_conflict');
    };
    await expect(renewer.round()).rejects.toMatchObject({ code: 'version_conflict' });
    expect(tries).toBe(3);
  });

  it('is none by a key that is revoked [guard: renewer-key]', async () => {
    const [member] = world.organisation.renewers;
    const kid = member?.fresh.kid ?? '';
    await world.organisation.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: world.organisation.now });
    });
    await expect(renewer.round()).rejects.toMatchObject({ code: 'key_revoked', check: 'fresh-key' });
    expect([posted(), world.vault.freshWords]).toEqual([0, []]);
  });

  it('takes no directory that does not come after the one it has', async () => {
    const old = world.organisation.documents;
    await world.organisation.publish();
    await renewer.round();
    world.vault.documents = () => old;
    await expect(renewer.round()).rejects.toMatchObject({ code: 'trust_rollback' });
  });
});

describe('a renewer that lost its memory', () => {
  it('shows a person what there is, with who signed it and what others say, and remembers it once that is adopted', async () => {
    await push('one');
    await renewer.round();
    await later(8);
    const empty = new MemoryTrustStore();
    const forgetful = await aRenewer({ store: empty });
    const adoption = await forgetful.adoption();
    // Until somebody has decided, it is as before.
    expect(await empty.load('acme', world.organisation.pin)).toBeUndefined();
    const { version } = world.organisation.trust.directory;
    expect(adoption.directory).toMatchObject({ version, remembered: undefined });
    const { urn } = world.organisation.owner;
    const [member] = world.organisation.renewers;
    const at = world.clock.seconds - 8 * DAY_SECONDS;
    expect(adoption.labels.find(({ label }) => label === LABEL)).toMatchObject({
      name: NAME,
      remembered: undefined,
      adopts: true,
      shown: { seq: 1, version: 1, signers: [{ urn, at }], given: 1, signed: 1, needed: 1 },
      others: [{ renewer: member?.urn, at, same: true }],
    });
    await forgetful.adopt(adoption);
    expect(await forgetful.round()).toMatchObject({ labels: 2, held: [] });
  });

  it('adopts nothing that too few signed', async () => {
    await push('one');
    await world.organisation.publishPolicy((draft) => {
      draft.labels[LABEL] = { groups: ['grp:release'], threshold: 2 };
    });
    const adoption = await renewer.adoption();
    expect(adoption.labels.map(({ label, adopts }) => [label, adopts])).toEqual([
      ['latest', true],
      [LABEL, false],
    ]);
    await renewer.adopt(adoption);
    expect([await headIn(store, 'latest'), await headIn(store)]).toEqual([
      expect.objectContaining({ seq: 1 }),
      undefined,
    ]);
  });
});

describe('the renewer of a home follows its own device', () => {
  it('to labels that it does not know, and to where they came after it, and not back [guard: renewer-follows]', async () => {
    await push('one');
    await renewer.round();
    await push('two', [LABEL, 'staging']);
    await later(8);
    const lines = await renewer.follow(authorStore);
    expect(lines).toEqual([
      `position 2 of ${NAME}@latest`,
      `position 2 of ${NAME}@${LABEL}`,
      `position 1 of ${NAME}@staging`,
    ]);
    expect(await renewer.round()).toMatchObject({ labels: 3, held: [] });
    // A device that has seen less than the renewer takes it nowhere.
    const behind = new MemoryTrustStore();
    const state = await authorStore.load('acme', world.organisation.pin);
    if (state === undefined) throw new Error('the author remembers nothing');
    await push('three');
    await renewer.round();
    await behind.update('acme', world.organisation.pin, () => state);
    expect(await renewer.follow(behind)).toEqual([]);
    expect(await headIn(store)).toMatchObject({ seq: 3 });
  });

  it('of another organisation nowhere', async () => {
    await push('one');
    const other = new MemoryTrustStore();
    const state = await authorStore.load('acme', world.organisation.pin);
    if (state === undefined) throw new Error('the author remembers nothing');
    await other.update('acme', world.organisation.pin, () => ({ ...state, pin: `sha256:${'0'.repeat(64)}` }));
    expect(await renewer.follow(other)).toEqual([]);
  });
});

it('a key file of a device is none of a renewer', async () => {
  const { keyFile } = world.organisation.owner;
  await expect(renewerIdentityOf(keyFile)).rejects.toMatchObject({ code: 'key_invalid' });
});
