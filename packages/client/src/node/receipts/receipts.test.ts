import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyFile } from '@bulla/crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Answer, AnsweredPrompt } from '../../runs/answer.js';
import { Home, HomeError } from '../home/home.js';
import { makeKey, makeKeyFile } from '../home/key-file.js';
import { isReceiptId, ReceiptFolder, RECEIPTS_MAX } from './receipt-folder.js';
import type { ReceiptEvent } from './receipt-keeper.js';
import { ReceiptKeeper } from './receipt-keeper.js';
import { receiptKeysOf } from './receipt-seal.js';

const CANARY = 'canary: the answer, and the question';
const answer = {
  toFile: ({ showQuestion = false } = {}) => `{"answer":"${CANARY}"${showQuestion ? ',"question":"asked"' : ''}}`,
} as unknown as Answer<AnsweredPrompt | undefined>;

let device: KeyFile;
let folder: string;
let home: Home;
let receipts: ReceiptFolder;
let told: ReceiptEvent[];
let nowMs: number;
beforeAll(async () => {
  device = await makeDevice();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-receipts-'));
  home = new Home(join(folder, 'home'));
  receipts = new ReceiptFolder(home);
  told = [];
  nowMs = 1_764_000_000_000;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function makeDevice(): Promise<KeyFile> {
  return makeKeyFile('acme', 'urn:bulla:acme:dev:dev_1', 'p256', ['http', 'invoke', 'content', 'tag'], ['unwrap']);
}

async function keeper(options: { readonly showQuestion?: boolean } = {}): Promise<ReceiptKeeper> {
  const keys = await receiptKeysOf(device);
  return new ReceiptKeeper({
    folder: receipts,
    keys,
    notice: (event) => told.push(event),
    nowMs: () => nowMs++,
    ...options,
  });
}

async function kept(by: ReceiptKeeper): Promise<string> {
  const id = by.newId();
  await by.keep(id, answer);
  return id;
}

describe('receipts', () => {
  it('lie sealed in the home folder, for its owner alone, and open with the keys of this device', async () => {
    const by = await keeper();
    const ids = [await kept(by), await kept(by)];
    expect(ids.every(isReceiptId)).toBe(true);
    expect((await receipts.list()).map(({ id }) => id)).toEqual(ids.toReversed());
    const [name = ''] = await readdir(receipts.path);
    const path = join(receipts.path, name);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(receipts.path)).mode & 0o777).toBe(0o700);
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain('canary');
    expect(text).not.toContain(Buffer.from(CANARY).toString('base64url').slice(4, 24));
    for (const id of ids) expect(await receipts.open(id, device)).toBe(answer.toFile());
    expect(by).toMatchObject({ kept: 2, lost: 0, fault: undefined });
  });

  it('have the question where that is asked for', async () => {
    const id = await kept(await keeper({ showQuestion: true }));
    expect(await receipts.open(id, device)).toContain('"question":"asked"');
  });

  it('open with older keys of the device, too', async () => {
    const id = await kept(await keeper());
    const sig = await makeKey('p256', 'sig', ['http', 'invoke', 'content', 'tag']);
    const enc = await makeKey('p256', 'enc', ['unwrap']);
    expect(await receipts.open(id, { ...device, keys: [sig, enc, ...device.keys] })).toBe(answer.toFile());
    await expect(receipts.open(id, { ...device, keys: [...device.keys.slice(0, 1), enc] })).rejects.toThrow(
      'was sealed to a key that this device no longer has',
    );
  });

  it('do not open where somebody else signed for the key, exchanged them, or changed a byte', async () => {
    const by = await keeper();
    const [one, other] = [await kept(by), await kept(by)];
    const stranger = await makeDevice();
    const mixed = { ...device, keys: [...stranger.keys.slice(0, 1), ...device.keys.slice(1)] };
    await expect(receipts.open(one, mixed)).rejects.toMatchObject({ code: 'open_failed' });
    const [newest = '', oldest = ''] = (await readdir(receipts.path))
      .toSorted()
      .toReversed()
      .map((name) => join(receipts.path, name));
    const text = await readFile(newest, 'utf8');
    await writeFile(oldest, text);
    // guard of the format: an answer belongs to its id
    await expect(receipts.open(one, device)).rejects.toMatchObject({ code: 'open_failed' });
    await writeFile(newest, text.replace(/.{8}\n$/, 'AAAAAAAA\n'));
    await expect(receipts.open(other, device)).rejects.toMatchObject({ code: 'open_failed' });
  });

  it('are the last hundred', async () => {
    const by = await keeper();
    const ids: string[] = [];
    for (let at = 0; at < RECEIPTS_MAX + 3; at++) ids.push(await kept(by));
    expect((await receipts.list()).map(({ id }) => id)).toEqual(ids.slice(3).toReversed());
    expect(await receipts.open(ids[0] ?? '', device)).toBeUndefined();
  });

  it('are the last hundred also where one is kept while the folder is read', async () => {
    const write = home.writeNew.bind(home);
    const idAt = (at: number) => `rcp_${String(at).padStart(32, '0')}`;
    const add = (at: number) => write(`receipts/${nowMs + at}-${idAt(at)}.sealed`, 'sealed');
    // The second is there before the folder is read for the first.
    const writes = [() => add(0).then(() => add(1)), () => Promise.resolve()];
    home.writeNew = (name, text) => writes.shift()?.() ?? write(name, text);
    for (let at = 0; at < RECEIPTS_MAX; at++) await receipts.keep(idAt(at), nowMs + at, 'sealed');
    await receipts.open('rcp_', device);
    expect(await receipts.list()).toHaveLength(RECEIPTS_MAX);
  });

  it('are the last hundred also where two processes keep some', async () => {
    const [one, other] = [await keeper(), await keeper()];
    const second = new ReceiptFolder(home);
    const beside = new ReceiptKeeper({ folder: second, keys: await receiptKeysOf(device), nowMs: () => nowMs++ });
    for (let at = 0; at < RECEIPTS_MAX; at++) for (const by of [one, beside]) await kept(by);
    expect(await second.list()).toHaveLength(RECEIPTS_MAX);
    await kept(other);
    for (let at = 0; at < 50; at++) await kept(one);
    for (const folderOf of [receipts, second]) await folderOf.open('rcp_', device);
    expect((await readdir(receipts.path)).length).toBeLessThan(RECEIPTS_MAX + 60);
  });

  it('are none where none was kept', async () => expect(await receipts.list()).toEqual([]));

  it('are not kept of an answer without an id', async () => {
    await (await keeper()).keep(undefined, answer);
    expect(await receipts.list()).toEqual([]);
  });

  it('need an encryption key', async () => {
    await expect(receiptKeysOf({ ...device, keys: device.keys.slice(0, 1) })).rejects.toThrow('has no encryption key');
  });
});

describe('receipts that cannot be kept', () => {
  it('are told of once, with why; ids are to be doubted until one is kept again', async () => {
    const by = await keeper();
    await home.makeFolder();
    await writeFile(receipts.path, 'a file in the place of the folder');
    const [lost, second] = [await kept(by), await kept(by)];
    expect(told).toEqual([{ event: 'lost', why: 'a file stands in the place of the folder' }]);
    expect([by.isUnsure(lost), by.isUnsure(second), by.lost, by.kept]).toEqual([true, true, 2, 0]);
    await rm(receipts.path);
    const id = by.newId();
    expect(by.isUnsure(id)).toBe(true);
    await by.keep(id, answer);
    expect([by.isUnsure(id), by.isUnsure(lost), by.fault]).toEqual([false, true, undefined]);
    expect(told.at(-1)).toEqual({ event: 'kept-again' });
    expect(by.isUnsure(by.newId())).toBe(false);
  });

  it.each([
    [Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'the disk is full'],
    [new HomeError('cannot make the folder /x (EACCES); set BULLA_HOME'), 'the folder cannot be written'],
    [new Error('anything'), 'the system refused it (unknown)'],
  ])('say why: %s', async (error, why) => {
    const by = await keeper();
    jest.spyOn(home, 'writeNew').mockRejectedValue(error);
    await kept(by);
    expect(by.fault).toBe(why);
  });
});
