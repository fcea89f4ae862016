import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  libraryPeer,
  PeerProcess,
  readCrossings,
  readVectors,
  reportOf,
  tryCrossings,
  tryVectors,
} from '@bulla/conformance';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const isHere = spawnSync('jose', ['alg']).status === 0;
const onJose = isHere ? describe : describe.skip;
const crossings = readCrossings().filter(({ format }) => ['letter', 'grant', 'deposit', 'content'].includes(format));

onJose("Debian's jose", () => {
  let jose: PeerProcess;
  beforeAll(() => {
    jose = new PeerProcess([process.execPath, fileURLToPath(new URL('../peers/jose-peer.js', import.meta.url))]);
  });
  afterAll(() => jose.stop());

  it.each(crossings)('opens what we seal: $format $name', async (crossing) => {
    expect(await tryCrossings(libraryPeer, jose, [crossing])).toMatchObject([{ status: 'passed' }]);
  });

  it.each(crossings)('seals what we open: $format $name', async (crossing) => {
    expect(await tryCrossings(jose, libraryPeer, [crossing])).toMatchObject([{ status: 'passed' }]);
  });

  it('opens every valid vector', async () => {
    const { ok } = (await jose.ask('hello')) as { ok: { open: string[] } };
    const valid = readVectors().filter(
      (one) => one.op === 'open' && 'ok' in one.expected && ok.open.includes(one.format),
    );
    expect(valid.length).toBeGreaterThan(15);
    const results = await tryVectors(jose, valid);
    expect(results.filter(({ status }) => status !== 'passed')).toEqual([]);
  });

  it('does look: what does not authenticate is not opened', async () => {
    const flipped = readVectors().filter(({ name }) => /flipped bit of the (tag|ciphertext|signature)/.test(name));
    expect(flipped.length).toBeGreaterThan(10);
    expect(reportOf(await tryVectors(jose, flipped))).not.toMatch(/FAILED .*: \{"ok"/);
  });
});
