import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_FRONTIER } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { placeAfter } from '../../audit-stream/log-place.js';
import { StreamFolder } from './stream-folder.js';

const AIM = { org: 'acme', pin: `sha256:${'0'.repeat(64)}`, to: 'https://siem.example/audit' };
const VAULT = 'urn:bulla:acme:svc:vault';
const letterOf = (index: number) => ({
  v: 1 as const,
  at: '2026-11-28T09:30:00Z',
  origin: `${VAULT}/audit/1`,
  index,
  reason: 'the sink answered 400',
  leaf: `{"index":${index}}`,
});

let path: string;
beforeEach(() => {
  path = join(folderForTest('stream'), 'state');
});

describe('the folder of a stream', () => {
  it('keeps the newest place of each service, for its owner alone', async () => {
    const folder = await StreamFolder.open(path, AIM);
    expect(folder.places).toEqual([]);
    const place = await placeAfter({ service: VAULT, log: 1, frontier: EMPTY_FRONTIER }, [
      { leaf: 'a' },
      { leaf: 'b' },
    ]);
    const responder = { service: 'urn:bulla:acme:svc:responder:eu1', log: 2, frontier: EMPTY_FRONTIER };
    await folder.keep([responder, { ...place, frontier: EMPTY_FRONTIER }]);
    await folder.keep([place]);
    await folder.close();
    const again = await StreamFolder.open(path, AIM);
    expect(again.places).toEqual([responder, place]);
    await again.close();
    expect([(await stat(path)).mode & 0o777, (await stat(join(path, 'stream.json'))).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
  });

  it('is held by one process [guard: stream-folder-held]', async () => {
    const folder = await StreamFolder.open(path, AIM);
    await expect(StreamFolder.open(path, AIM)).rejects.toThrow(
      /is in use by process \d+; stop it first, or give this one another folder with --state$/,
    );
    await folder.close();
    await (await StreamFolder.open(path, AIM)).close();
  });

  it.each([
    ['sink', { to: 'https://other.example/' }, 'to https://siem.example/audit; give'],
    ['organisation', { org: 'other' }, 'of acme under another pin; give'],
    ['pin', { pin: `sha256:${'1'.repeat(64)}` }, 'of acme under another pin; give'],
  ])('is that of one %s [guard: stream-folder-other]', async (_name, other, message) => {
    await (await StreamFolder.open(path, AIM)).close();
    await expect(StreamFolder.open(path, { ...AIM, ...other })).rejects.toThrow(message);
    await (await StreamFolder.open(path, undefined)).close();
  });

  it('is not there before the stream', async () => {
    await expect(StreamFolder.open(path, undefined)).rejects.toThrow(`there is no stream in ${path}`);
  });

  it('is given up once another process goes on from there, whose lock this one cannot see [guard: stream-folder-taken]', async () => {
    const folder = await StreamFolder.open(path, AIM);
    // As in another container, where the process that holds it is nobody.
    await writeFile(join(path, 'lock'), '{"pid":999999999,"started":"1","id":"x"}');
    const newer = await StreamFolder.open(path, AIM);
    const place = { service: VAULT, log: 1, frontier: EMPTY_FRONTIER };
    await expect(folder.keep([place])).rejects.toThrow('another process uses');
    await expect(folder.bury(letterOf(1))).rejects.toThrow('another process uses');
    await newer.keep([place]);
    await newer.close();
  });

  it.each([
    ['nothing', ''],
    ['cut', '{"v":1,"org":"acme"'],
    ['of another form', '{"v":2}'],
    ['with a frontier that does not fit', undefined],
  ])('is not begun anew where its place is %s [guard: stream-state-broken]', async (_name, text) => {
    const folder = await StreamFolder.open(path, AIM);
    await folder.keep([{ service: VAULT, log: 1, frontier: EMPTY_FRONTIER }]);
    await folder.close();
    const file = join(path, 'stream.json');
    const before = await readFile(file, 'utf8');
    await writeFile(file, text ?? before.replace('"next": 0', '"next": 3'));
    await expect(StreamFolder.open(path, AIM)).rejects.toThrow('is not the place of a stream');
  });
});

describe('dead letters in the folder', () => {
  it('are added one by one, each once, and taken off', async () => {
    const folder = await StreamFolder.open(path, AIM);
    for (const index of [1, 2, 3, 2]) await folder.bury(letterOf(index));
    expect(await folder.letters()).toEqual([letterOf(1), letterOf(2), letterOf(3)]);
    await folder.keepLetters([letterOf(3)]);
    expect(await folder.letters()).toEqual([letterOf(3)]);
    await folder.keepLetters([]);
    expect(await folder.letters()).toEqual([]);
    await folder.close();
  });

  it('get along with a line that was cut with an earlier process', async () => {
    const folder = await StreamFolder.open(path, AIM);
    await folder.bury(letterOf(1));
    await appendFile(join(path, 'dead-letters.ndjson'), '{"v":1,"at":"20');
    expect(await folder.letters()).toEqual([letterOf(1)]);
    await folder.bury(letterOf(2));
    expect(await folder.letters()).toEqual([letterOf(1), letterOf(2)]);
    await folder.close();
  });

  it('are not added to where a line is not readable [guard: dead-letters-readable]', async () => {
    const folder = await StreamFolder.open(path, AIM);
    await writeFile(join(path, 'dead-letters.ndjson'), 'moon\n');
    await expect(folder.letters()).rejects.toThrow(/dead-letters\.ndjson holds lines that are not readable: 1$/);
    await folder.close();
  });

  it('are a thousand at most [guard: dead-letters-most]', async () => {
    const folder = await StreamFolder.open(path, AIM);
    await folder.keepLetters(Array.from({ length: 999 }, (_, at) => letterOf(at)));
    await folder.bury(letterOf(999));
    await expect(folder.bury(letterOf(1_000))).rejects.toThrow('bulla audit dead-letters --state');
    expect(await folder.letters()).toHaveLength(1_000);
    await folder.close();
  });
});
