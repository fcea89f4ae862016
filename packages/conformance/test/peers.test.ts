import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { conform, readVectors } from '@bulla/conformance';
import { describe, expect, it } from '@jest/globals';

const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const PYTHON = '/usr/bin/python3';

const hasPython = (module: string) => spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
const ALL = [...new Set(readVectors().map(({ format }) => format))];

/** Implementations as they are started by anybody, what they have, and whether this machine has what they stand on. */
const peers: [string, string[], string[], boolean][] = [
  ['@bulla/crypto', [process.execPath, file('bin/bulla-peer.js')], ALL, true],
  [
    'python3-jwcrypto',
    [PYTHON, file('peers/jwcrypto_peer.py')],
    ['letter', 'grant', 'deposit', 'content'],
    hasPython('jwcrypto'),
  ],
  [
    'python3-cryptography',
    [PYTHON, file('peers/stream_peer.py')],
    ['chunked', 'attachment'],
    hasPython('cryptography'),
  ],
  [
    'keys under keys in Python',
    [PYTHON, file('peers/wrap_peer.py')],
    ['kek-wrap', 'kek', 'key-check'],
    hasPython('cryptography'),
  ],
  [
    "Python's hashlib",
    [PYTHON, file('peers/merkle_peer.py')],
    ['merkle-inclusion', 'merkle-consistency'],
    hasPython('hashlib'),
  ],
  ["Python's hashlib and json", [PYTHON, file('peers/label_peer.py')], ['label-chain'], hasPython('hashlib')],
  [
    'renewers in Python',
    [PYTHON, file('peers/freshness_peer.py')],
    ['label-freshness', 'directory-freshness'],
    hasPython('cryptography'),
  ],
  [
    'answer files in Python',
    [PYTHON, file('peers/evidence_peer.py')],
    ['evidence', 'verdict'],
    hasPython('cryptography'),
  ],
  [
    'questions in Python',
    [PYTHON, file('peers/question_peer.py')],
    ['invocation'],
    hasPython('jwcrypto') && hasPython('cryptography'),
  ],
  ['directories in Python', [PYTHON, file('peers/chain_peer.py')], ['directory-chain'], hasPython('hashlib')],
];

for (const [name, command, formats, isHere] of peers) {
  const onPeer = isHere ? describe : describe.skip;
  onPeer(name, () => {
    it(`conforms in ${formats.join(', ')}, and seals and opens with @bulla/crypto both ways`, async () => {
      const said: string[] = [];
      const code = await conform(command, (text) => said.push(text));
      const text = said.join('');
      expect(text).not.toContain('FAILED');
      const whole = (part: string) =>
        [...part.matchAll(/^([\w-]+): [1-9]\d* passed, 0 failed, 0 unsupported$/gm)].map(([, format]) => format);
      const [vectors = '', opens = '', seals = ''] = text.split('\n\n');
      expect(new Set(whole(vectors))).toEqual(new Set(formats));
      expect(whole(opens)).toEqual(whole(seals));
      expect(code).toBe(0);
    });
  });
}
