import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyFile, KeyPurpose, SuiteId } from '@bulla/crypto';
import { isCheckpointKey } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFreshKeys } from './fresh-keys.js';
import { Home } from '../home/home.js';
import { makeKey, readKeyFile, writeKeyFile } from '../home/key-file.js';
import { IDENTITY, RENEWER_KEYS, RESPONDER_KEYS, VAULT_KEYS } from './key-names.js';
import { prepareProduction } from './production.js';

const NOW = 1_800_000_000;
const SERVICES = [
  ['vault', VAULT_KEYS],
  ['responder', RESPONDER_KEYS],
] as const;

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-fresh-keys-'));
  home = new Home(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = () =>
  prepareProduction(home, {
    org: 'acme',
    vaultUrl: 'https://vault.example',
    responderUrl: 'https://responder.example',
    now: NOW,
    suite: 'p256',
  });
const fileOf = async (name: string): Promise<KeyFile> => {
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new Error(`${name} is there`);
  return file;
};

describe('a signing key in a token', () => {
  it('is made for services alone: a renewer signs by its file [guard: token-service]', async () => {
    await prepare();
    const made: string[][] = [];
    const makeSigning = (suite: SuiteId, purposes: KeyPurpose[]) => {
      made.push(purposes);
      return makeKey(suite, 'sig', purposes);
    };
    const write = (name: string) =>
      writeFreshKeys({ home, name }, { home, name: 'fresh.json' }, { beside: ['signing'], makeSigning });
    await expect(write(RENEWER_KEYS)).rejects.toThrow('signs by the keys in its file');
    expect(made).toEqual([]);
    await write(VAULT_KEYS);
    expect(made).toEqual([['http', 'envelope'], ['content']]);
  });
});

describe('a file of fresh keys', () => {
  const fresh = async (name: string, options?: Parameters<typeof writeFreshKeys>[2]) => {
    await writeFreshKeys({ home, name }, { home, name: 'fresh.json' }, options);
    const file = await fileOf('fresh.json');
    await rm(home.path('fresh.json'));
    return file;
  };

  it.each(SERVICES)('of a %s has one for checkpoints, whatever suite the others are of', async (_who, name) => {
    await prepare();
    const before = await fileOf(name);
    const kids = new Set(before.keys.map(({ kid }) => kid));
    for (const suite of [undefined, 'rsa2048'] as const) {
      const { urn, keys } = await fresh(name, { suite });
      expect(urn).toBe(before.urn);
      expect(keys.map(({ pur }) => pur)).toEqual(before.keys.map(({ pur }) => pur));
      expect(keys.map((key) => key.suite)).toEqual(
        keys.map((key) => (isCheckpointKey(key) ? 'ed25519' : (suite ?? 'p256'))),
      );
      expect(keys.some(({ kid }) => kids.has(kid))).toBe(false);
    }
  });

  it('is like one from before, too, in which a renewed key for checkpoints may come first', async () => {
    await prepare();
    const { keys, ...file } = await fileOf(VAULT_KEYS);
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: keys.toReversed() });
    const ALL = [['http', 'envelope'], ['checkpoint'], ['content'], ['deposit']];
    expect((await fresh(VAULT_KEYS)).keys.map(({ pur }) => pur)).toEqual(ALL);
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: keys.filter((key) => !isCheckpointKey(key)) });
    expect((await fresh(VAULT_KEYS)).keys.map(({ pur }) => pur)).toEqual(ALL);
  });

  it('may keep all keys and have a fresh one for checkpoints, before the old [guard: mark-number-far]', async () => {
    await prepare();
    const { keys } = await fileOf(RESPONDER_KEYS);
    const [sig, enc, old] = keys;
    const made = (await fresh(RESPONDER_KEYS, { beside: ['checkpoint'] })).keys;
    expect(made).toEqual([sig, enc, expect.objectContaining({ pur: ['checkpoint'], log: 2 }), old]);
    const [marks, stray] = [home.path('marks'), home.path('marks/acme.one.json')];
    await mkdir(marks);
    await writeFile(home.path('marks/notes.txt'), '"log":999');
    const markOf = (log: number) =>
      JSON.stringify({ v: 2, note: `bulla/${'5a'.repeat(8)}/acme/vault/audit/${log}\n4\n` });
    await writeFile(stray, markOf(7));
    const heard = await fresh(RESPONDER_KEYS, { beside: ['checkpoint'], marks });
    expect([heard.keys[2], heard.rows?.length]).toEqual([expect.objectContaining({ log: 8 }), 2]);
    for (const text of [markOf(999), '{"note":"3"}']) {
      await writeFile(stray, text);
      await expect(fresh(RESPONDER_KEYS, { beside: ['checkpoint'], marks })).rejects.toThrow(
        /acme\.one\.json .* move it away/,
      );
    }
    await expect(fresh(IDENTITY, { beside: ['checkpoint'] })).rejects.toThrow(
      'signs no checkpoints: it is neither a vault nor a responder',
    );
    expect((await fresh(IDENTITY)).keys.map(({ use }) => use)).toEqual(['sig', 'enc']);
  });

  it('may keep all keys of a vault and have those for managed names, where it has none', async () => {
    await prepare();
    const { keys, ...file } = await fileOf(VAULT_KEYS);
    const isOld = ({ pur }: { pur: readonly string[] }) => !pur.includes('content') && !pur.includes('deposit');
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: keys.filter(isOld) });
    const made = (await fresh(VAULT_KEYS, { beside: ['managed'] })).keys;
    expect(made.map(({ pur }) => pur)).toEqual([['http', 'envelope'], ['checkpoint'], ['content'], ['deposit']]);
    expect(made.filter(isOld)).toEqual(keys.filter(isOld));
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: made });
    expect((await fresh(VAULT_KEYS, { beside: ['managed'] })).keys).toEqual(made);
    await expect(fresh(RESPONDER_KEYS, { beside: ['managed'] })).rejects.toThrow('only a vault does');
  });
});
