import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyFile, Trust } from '@bulla/crypto';
import { generateKeyPair, keyThumbprint } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventLog } from '../observe/event-log.js';
import { TestClock } from '../testing/clock.js';
import { KeyFileWatch } from './key-file-watch.js';
import { ServiceKeys } from './service-keys.js';

let folder: string;
let path: string;
let vault: KeyFile;
let other: KeyFile;
let keys: ServiceKeys;
let watch: KeyFileWatch;
let listed: string[];
let lines: { event: string; file?: string; why?: string }[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-watch-'));
  path = join(folder, 'vault.keys.json');
  const acme = await makeOrganisation({ readyKeyPair: committedKeyPair });
  vault = acme.vault.keyFile;
  const fresh = vault.keys.map(async (key) => {
    const { privateJwk: jwk } = await generateKeyPair(key.suite === 'ed25519' ? 'ed25519' : 'p256', 'sig');
    const of = key.suite === 'ed25519' ? {} : { alg: 'ES256', suite: 'p256' };
    return { ...key, ...of, jwk, kid: await keyThumbprint(jwk) } as KeyFile['keys'][number];
  });
  other = { ...vault, keys: await Promise.all(fresh) };
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  lines = [];
  await put(vault);
  keys = await ServiceKeys.load(vault);
  listed = vault.keys.map(({ kid }) => kid);
  const trust = { org: 'acme', activeKeys: () => listed.map((kid) => ({ record: { kid } })) } as unknown as Trust;
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) };
  const log = new EventLog({ service: 'vault', stream });
  watch = new KeyFileWatch({ path, keys, source: { held: () => [trust] }, clock: new TestClock(0), log });
  await watch.look();
});

/** As an operator does: whole, and then in its place. */
async function put(content: unknown, mode = 0o600): Promise<void> {
  const draft = `${path}.draft`;
  await writeFile(draft, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  await rename(draft, path);
}
const kidOf = (file: KeyFile) => file.keys[0]?.kid;
const signing = () => keys.newest('envelope').kid;
const said = () => lines.map(({ event, why }) => (why === undefined ? event : `${event}: ${why}`));

describe('a file of keys that is watched', () => {
  it('is taken when it is another, and read no more often than it changes', async () => {
    expect(said()).toEqual([]);
    listed.push(...other.keys.map(({ kid }) => kid));
    await put(other);
    await watch.look();
    await watch.look();
    expect(signing()).toBe(kidOf(other));
    expect(said()).toEqual(['keys-taken']);
  });

  it('waits until a directory lists one of its keys, which is told once', async () => {
    await put(other);
    await watch.look();
    await watch.look();
    expect(signing()).toBe(kidOf(vault));
    expect(said()).toEqual(['keys-not-listed']);
    listed.push(...other.keys.map(({ kid }) => kid));
    await watch.look();
    expect(signing()).toBe(kidOf(other));
    expect(said()).toEqual(['keys-not-listed', 'keys-taken']);
  });

  it.each([
    ['is half of one', () => put(JSON.stringify(other).slice(0, 300)), 'not a key file of Bulla'],
    ['others can read', () => put(other, 0o640), 'others can read or write it; expected mode 0600'],
    ['is gone', () => rm(path), 'cannot be read'],
    ['is of another service', () => put({ ...other, urn: 'urn:bulla:acme:svc:responder:eu1' }), 'of another service'],
  ])('changes nothing if it %s, and is taken once it is whole', async (_name, spoil, why) => {
    await put(other);
    await watch.look();
    lines = [];
    expect(keys.held()).toContain(kidOf(other));
    await spoil();
    await watch.look();
    await watch.look();
    expect(keys.held()).not.toContain(kidOf(other));
    expect(signing()).toBe(kidOf(vault));
    expect(said()).toEqual([expect.stringMatching(new RegExp(`^keys-refused: .*${why}`))]);
    listed.push(...other.keys.map(({ kid }) => kid));
    await put(other);
    await watch.look();
    expect(signing()).toBe(kidOf(other));
  });
});
