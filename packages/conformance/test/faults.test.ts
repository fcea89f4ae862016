import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerProcess, readVectors, tryVectors } from '@bulla/conformance';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const PYTHON = '/usr/bin/python3';
const isHere = spawnSync(PYTHON, ['-c', 'import jwcrypto']).status === 0;
const onPython = isHere ? describe : describe.skip;
const source = readFileSync(new URL('../peers/jwcrypto_peer.py', import.meta.url), 'utf8');
const vectors = readVectors().filter(({ id, name }) => /^(letter|grant)-suites\//.test(id) && name.startsWith('p256'));

/** A check of an implementation, what stands there without it, and a vector that tells. */
const faults: [string, string, string, string][] = [
  ['spelling of base64url', `require(encode(raw) == text, 'token_malformed')`, 'pass', 'bits left over in the last'],
  ['spelling of headers', ' and written(header) == text', '', 'white space in the header'],
  ['unknown members', ` <= set(shape) | {'epk'}`, '', 'zip'],
  [
    'the key to which a content commits',
    ` and commitment_to(key) == place['dkc']`,
    '',
    'a random key under the right header',
  ],
  [
    'whom a letter is to',
    `, inside['aud']) == (by_kid, by_alg, own_kid)`,
    ') == (by_kid, by_alg)',
    'inside: to somebody else',
  ],
  ['names of files', `name not in ('.', '..') and len(name.encode()) <= 255`, 'True', 'two dots for a name'],
];

onPython('an implementation that does not check', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bulla-faults-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(faults)('is found out: %s', async (_what, check, without, telling) => {
    expect(source).toContain(check);
    const file = join(folder, 'peer.py');
    writeFileSync(file, source.replace(check, without));
    const peer = new PeerProcess([PYTHON, file]);
    const results = await tryVectors(peer, vectors);
    await peer.stop();
    const failed = results.filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect(failed).toContainEqual(expect.stringContaining(telling));
    expect(failed.length).toBeLessThan(vectors.length / 4);
  });
});
