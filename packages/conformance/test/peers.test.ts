import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { conform } from '@bulla/conformance';
import { describe, expect, it } from '@jest/globals';

const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const PYTHON = '/usr/bin/python3';

/** Implementations as they are started by anybody, and whether this machine has what they stand on. */
const peers: [string, string[], boolean][] = [
  ['@bulla/crypto', [process.execPath, file('bin/bulla-peer.js')], true],
  [
    'python3-jwcrypto',
    [PYTHON, file('peers/jwcrypto_peer.py')],
    spawnSync(PYTHON, ['-c', 'import jwcrypto']).status === 0,
  ],
];

for (const [name, command, isHere] of peers) {
  const onPeer = isHere ? describe : describe.skip;
  onPeer(name, () => {
    it('conforms, and seals and opens with @bulla/crypto both ways', async () => {
      const said: string[] = [];
      const code = await conform(command, (text) => said.push(text));
      const text = said.join('');
      expect(text).not.toContain('FAILED');
      expect(text).toMatch(/^Vectors\n(.*\n)*letter: [1-9]\d* passed, 0 failed, 0 unsupported\n/);
      expect(code).toBe(0);
    });
  });
}
