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

  it('have nothing else', async () => {
    const [grant] = readVectors().filter(({ format }) => format === 'grant');
    expect(await tryVectors(command, grant === undefined ? [] : [grant])).toMatchObject([{ status: 'unsupported' }]);
  });
});
