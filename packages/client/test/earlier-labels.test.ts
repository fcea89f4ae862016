import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64url, parseTag, utf8 } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { Home } from '../src/node/home/home.js';
import { FileTrustStore } from '../src/node/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const LABEL = 'production';
/** Where the label stood when everything was as before. */
const NUMBER = 5;
let world: World;
let folder: string;

/** A tag as it was before positions had a predecessor. */
async function earlier(token: string, signer: TestOrganisation['owner'], change: object = {}): Promise<string> {
  const { header, claims } = parseTag(token);
  const { prev: _prev, ...before } = claims;
  const part = (value: object) => encodeBase64url(utf8(JSON.stringify(value)));
  const says = { ...before, iss: signer.urn, seq: NUMBER, ...change };
  const input = `${part({ ...header, kid: signer.sig.kid, alg: signer.signer.alg })}.${part(says)}`;
  return `${input}.${encodeBase64url(await signer.signer.sign(utf8(input)))}`;
}

/** Puts a home and the vault back to what they were before. */
async function goBack(home: string, signers: readonly TestOrganisation['owner'][]): Promise<void> {
  const file = join(folder, home, 'trust.json');
  const [[org, state]] = JSON.parse(await readFile(file, 'utf8')) as [
    [string, { names: [string, { labels: unknown }][] }],
  ];
  for (const [, seen] of state.names) {
    seen.labels = [
      ['latest', NUMBER],
      [LABEL, NUMBER],
    ];
  }
  await writeFile(file, JSON.stringify([[org, state]]));
  for (const label of ['latest', LABEL]) {
    const [position] = world.vault.labels.get(`${NAME} ${label}`) ?? [];
    const token = position?.tags[0] ?? '';
    const tags = label === LABEL ? await Promise.all(signers.map((signer) => earlier(token, signer))) : [];
    if (position === undefined) throw new Error('the label is not there');
    const old = tags.length > 0 ? tags : [await earlier(token, world.organisation.owner)];
    world.vault.labels.set(`${NAME} ${label}`, [{ ...position, seq: NUMBER, tags: old }]);
  }
}

const at = (home: string, member: TestOrganisation['owner']): Promise<Bulla> =>
  world.client(member, { store: new FileTrustStore(new Home(join(folder, home))) });
const position = (label = LABEL) => world.vault.position(NAME, label);
const run = async (bulla: Bulla) => (await bulla.prompt(NAME).run({ claim: 'a' })).prompt.version;

beforeEach(async () => {
  world = await makeWorld();
  folder = await mkdtemp(join(tmpdir(), 'bulla-earlier-'));
});
afterEach(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('labels that were signed before positions had a predecessor', () => {
  let owner: Bulla;
  beforeEach(async () => {
    owner = await at('owner', world.organisation.owner);
    await owner.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), [LABEL]);
    await goBack('owner', [world.organisation.owner]);
    owner = await at('owner', world.organisation.owner);
  });

  it('are said anew by the device that signed them, once, and followed by who remembers the number [guard: client-label-earlier-tags]', async () => {
    await expect(owner.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'tag-earlier',
      message: expect.stringContaining('bulla trust renew'),
    });
    expect(await owner.prompts.renewLabels(NAME)).toEqual(['latest', LABEL]);
    expect(position()).toMatchObject({ seq: NUMBER + 1, version: 1 });
    expect(parseTag(position()?.tags[0] ?? '').claims).toMatchObject({ seq: NUMBER + 1, prev: '', ver: 1 });
    expect(await run(owner)).toBe(1);
    expect(await owner.prompts.renewLabels(NAME)).toEqual([]);
    // Another earlier home follows, too.
    const file = join(folder, 'owner', 'trust.json');
    expect(await readFile(file, 'utf8')).toContain('"tuples":[{');
    expect(await run(await at('new', world.organisation.invoker))).toBe(1);
  });

  it('are left to who signed them: nobody else says them anew without asking [guard: client-earlier-own]', async () => {
    const { author } = world.organisation;
    await goBackTo('author', author);
    const other = await at('author', author);
    expect(await other.prompts.renewLabels(NAME)).toEqual([]);
    expect(position()).toMatchObject({ seq: NUMBER });
    // They may be moved by somebody who remembers the number and decides.
    expect(await other.labels.adoption(NAME, LABEL)).toMatchObject({
      remembered: { seq: NUMBER },
      shown: { seq: NUMBER, signed: 0, needed: 1 },
    });
  });

  it('are moved on by whoever does not remember the number only after they looked at it [guard: client-base-earlier]', async () => {
    const { author } = world.organisation;
    const stranger = await at('stranger', author);
    const refused = { code: 'trust_expired', check: 'tag-earlier' };
    await expect(stranger.prompts.deleteLabel(NAME, LABEL)).rejects.toMatchObject(refused);
    expect(position()).toMatchObject({ seq: NUMBER });
    await stranger.labels.adopt(await stranger.labels.adoption(NAME, LABEL));
    expect(await stranger.prompts.deleteLabel(NAME, LABEL)).toEqual({ seq: NUMBER + 1, version: 0 });
  });

  it('are not adopted far beyond what was seen, where nobody can prove the number [guard: client-adopt-jump]', async () => {
    const [old] = world.vault.labels.get(`${NAME} ${LABEL}`) ?? [];
    if (old === undefined) throw new Error('the label is not there');
    world.vault.labels.set(`${NAME} ${LABEL}`, [{ ...old, seq: 2_147_483_646 }]);
    await expect(owner.labels.adoption(NAME, LABEL)).rejects.toMatchObject({ code: 'label_stale' });
  });

  /** A home of somebody who saw the label before, and did not sign it. */
  async function goBackTo(home: string, member: TestOrganisation['owner']): Promise<void> {
    const state = await readFile(join(folder, 'owner', 'trust.json'), 'utf8');
    await (await at(home, member)).trust();
    await writeFile(join(folder, home, 'trust.json'), state);
  }
});
