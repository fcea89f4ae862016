import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraryPeer, PeerProcess, readCrossings, readVectors, tryCrossings, tryVectors } from '@bulla/conformance';
import type { Peer, Result } from '@bulla/conformance';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { commandPeer } from '../../packages/conformance/peers/command.js';
import { runCommand } from '../bulla-command.js';

const file = (path: string) => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const failuresOf = (results: readonly Result[]) => results.filter(({ status }) => status !== 'passed');
const vectorsOf = (wanted: string) => readVectors().filter(({ format }) => format === wanted);

/** Streamed letters that the command takes for something else, and says so: it has no code for them. */
const UNLIKE =
  /^(a newline before the letter|a letter that is no stream|the letter: (another typ|a member twice|white space|an escape|a byte order|a header that is|nothing))/;

let folder: string;
let command: Peer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulla-command-'));
  command = commandPeer(folder, (args, input) => runCommand(args, { BULLA_HOME: join(folder, 'home') }, input));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bulla seal and bulla open', () => {
  it('conform to the golden letters', async () => {
    const letters = readVectors().filter(({ id }) => id.startsWith('letter/'));
    expect(letters.length).toBeGreaterThan(30);
    expect(failuresOf(await tryVectors(command, letters))).toEqual([]);
  });

  it('go both ways with the library, for every suite', async () => {
    const letters = readCrossings().filter(({ format }) => format === 'letter');
    expect(letters).toHaveLength(9);
    expect(failuresOf(await tryCrossings(command, libraryPeer, letters))).toEqual([]);
    expect(failuresOf(await tryCrossings(libraryPeer, command, letters))).toEqual([]);
  });

  it('conform to the vectors of streamed letters, and go both ways with the library', async () => {
    const files = vectorsOf('streamed-letter').filter(({ name }) => !UNLIKE.test(name));
    const codes = files.map(({ expected }) => ('refused' in expected ? expected.refused : 'ok'));
    expect(new Set(codes)).toEqual(
      new Set(['ok', 'key_unknown', 'open_failed', 'stream_truncated', 'token_malformed']),
    );
    expect(failuresOf(await tryVectors(command, files))).toEqual([]);
    const crossings = readCrossings().filter(({ format }) => format === 'streamed-letter');
    expect(crossings).toHaveLength(3);
    expect(failuresOf(await tryCrossings(command, libraryPeer, crossings))).toEqual([]);
    expect(failuresOf(await tryCrossings(libraryPeer, command, crossings))).toEqual([]);
  });

  it('open nothing that does not begin as a streamed letter', async () => {
    const others = vectorsOf('streamed-letter').filter(({ name }) => UNLIKE.test(name));
    expect(others).toHaveLength(9);
    for (const { op, format, input } of others) expect(await command.ask(op, format, input)).not.toHaveProperty('ok');
  });

  it('have nothing else', async () => {
    const [grant] = readVectors().filter(({ format }) => format === 'grant');
    expect(await tryVectors(command, grant === undefined ? [] : [grant])).toMatchObject([{ status: 'unsupported' }]);
  });
});

describe('bulla, started as a process for each', () => {
  it('seals a file, opens another, and says of a third why it does not', async () => {
    const started = [process.execPath, file('cli/bin/bulla.js')];
    const peer = new PeerProcess([process.execPath, file('conformance/peers/command-peer.js'), ...started]);
    const crossings = readCrossings().filter(({ format, name }) => format === 'streamed-letter' && /p256/i.test(name));
    const good = vectorsOf('letter').filter(({ expected }) => 'ok' in expected);
    const bad = vectorsOf('letter').filter(
      ({ expected }) => 'refused' in expected && expected.refused === 'open_failed',
    );
    const one = <Item>(items: readonly Item[]) => items.slice(0, 1);
    const results = [
      ...(await tryCrossings(peer, libraryPeer, one(crossings))),
      ...(await tryVectors(peer, [...one(good), ...one(bad)])),
    ];
    await peer.stop();
    expect(results.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed']);
  });
});
