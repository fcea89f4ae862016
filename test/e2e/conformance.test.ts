import { fileURLToPath } from 'node:url';
import { libraryPeer, PeerProcess, readCrossings, readVectors, tryCrossings, tryVectors } from '@bulla/conformance';
import type { Result } from '@bulla/conformance';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const file = (path: string) => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const failuresOf = (results: readonly Result[]) => results.filter(({ status }) => status !== 'passed');

describe('bulla seal and bulla open', () => {
  let command: PeerProcess;
  beforeAll(() => {
    const started = [process.execPath, file('cli/bin/bulla.js')];
    command = new PeerProcess([process.execPath, file('conformance/peers/command-peer.js'), ...started]);
  });
  afterAll(() => command.stop());

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
    // Some of each kind: a process starts for every one.
    const telling =
      /^(P-256|RSA|two|no content|an end|another|half a|the (stream|last)|chunks|a byte|inside: to|the end: an)/;
    const files = readVectors().filter(({ format, name }) => format === 'streamed-letter' && telling.test(name));
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

  it('have nothing else', async () => {
    const [grant] = readVectors().filter(({ format }) => format === 'grant');
    expect(await tryVectors(command, grant === undefined ? [] : [grant])).toMatchObject([{ status: 'unsupported' }]);
  });
});
