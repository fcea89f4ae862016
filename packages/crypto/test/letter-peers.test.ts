import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyMaterial, SuiteId } from '@bulla/crypto';
import { generateKeyPair, loadSigner, sealingKeyOf, verifyingKeyOf } from '@bulla/crypto';
import { exportKeys, keyMaterialOf } from '@bulla/crypto/key-files';
import { sealLetter } from '@bulla/crypto/letters';
import { loadUnwrapper, openLetter } from '@bulla/crypto/open';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** Letters that other people's tools open and make: Debian's `jose` and `python3-jwcrypto`. */
interface Peer {
  /** The content of a letter. */
  open(token: string, own: KeyMaterial, sender: KeyMaterial): Promise<Uint8Array>;
  /** A letter with these headers. */
  seal(content: Uint8Array, headers: Headers, own: KeyMaterial, recipient: KeyMaterial): Promise<string>;
}
interface Headers {
  readonly inside: object;
  readonly outside: object;
}

const AT = 1_795_608_000;
const CONTENT = new TextEncoder().encode('Dear Alice,\n\u0000\u00ff äöü\n');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulla-letters-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(command: string, args: readonly string[], input: Uint8Array | string = ''): Uint8Array {
  const { status, stdout, stderr } = spawnSync(command, args, { input, cwd: folder });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr.toString()}`);
  return new Uint8Array(stdout);
}
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
function write(name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}
async function jwkFile(name: string, key: KeyMaterial, half: 'private' | 'public'): Promise<string> {
  return write(name, await exportKeys([key], { format: 'jwk', half }));
}

const jose: Peer = {
  async open(token, own, sender) {
    const inner = run('jose', ['jwe', 'dec', '-i', write('letter', token), '-k', await jwkFile('own', own, 'private')]);
    const key = await jwkFile('sender', sender, 'public');
    return run('jose', ['jws', 'ver', '-i', write('inner', textOf(inner)), '-k', key, '-O-']);
  },
  async seal(content, { inside, outside }, own, recipient) {
    const signing = ['-I', write('content', content), '-s', JSON.stringify({ protected: inside }), '-c'];
    const inner = run('jose', ['jws', 'sig', ...signing, '-k', await jwkFile('own', own, 'private')]);
    const sealing = ['-I', write('inner', textOf(inner)), '-i', JSON.stringify({ protected: outside }), '-c'];
    return textOf(run('jose', ['jwe', 'enc', ...sealing, '-k', await jwkFile('recipient', recipient, 'public')]));
  },
};

const PYTHON = '/usr/bin/python3';
const PYTHON_OPEN = `
import sys
from jwcrypto import jwe, jwk, jws
letter, own, sender = (open(name).read() for name in sys.argv[1:4])
outer = jwe.JWE(algs=['RSA-OAEP-256', 'ECDH-ES+A256KW', 'A256GCM'])
outer.deserialize(letter, key=jwk.JWK.from_json(own))
inner = jws.JWS()
inner.allowed_algs = ['PS256', 'ES256']
inner.deserialize(outer.payload.decode())
inner.verify(jwk.JWK.from_json(sender))
sys.stdout.buffer.write(inner.payload)`;
const PYTHON_SEAL = `
import sys
from jwcrypto import jwe, jwk, jws
content = open(sys.argv[1], 'rb').read()
inside, outside, own, recipient = (open(name).read() for name in sys.argv[2:6])
inner = jws.JWS(content)
inner.allowed_algs = ['PS256', 'ES256']
inner.add_signature(jwk.JWK.from_json(own), protected=inside)
outer = jwe.JWE(inner.serialize(compact=True).encode(), protected=outside, algs=['RSA-OAEP-256', 'ECDH-ES+A256KW', 'A256GCM'])
outer.add_recipient(jwk.JWK.from_json(recipient))
print(outer.serialize(compact=True))`;

const jwcrypto: Peer = {
  async open(token, own, sender) {
    const files = [await jwkFile('own', own, 'private'), await jwkFile('sender', sender, 'public')];
    return run(PYTHON, ['-c', PYTHON_OPEN, write('letter', token), ...files]);
  },
  async seal(content, { inside, outside }, own, recipient) {
    const headers = [write('inside', JSON.stringify(inside)), write('outside', JSON.stringify(outside))];
    const files = [await jwkFile('own', own, 'private'), await jwkFile('recipient', recipient, 'public')];
    return textOf(run(PYTHON, ['-c', PYTHON_SEAL, write('content', content), ...headers, ...files]));
  },
};

const peers: [string, Peer, boolean][] = [
  ['jose', jose, spawnSync('jose', ['alg']).status === 0],
  ['python3-jwcrypto', jwcrypto, spawnSync(PYTHON, ['-c', 'import jwcrypto']).status === 0],
];
const pairs: [SuiteId, SuiteId][] = [
  ['rsa2048', 'p256'],
  ['p256', 'rsa3072'],
  ['p256', 'p256'],
  ['rsa3072', 'rsa2048'],
];

async function keyOf(suite: SuiteId, use: 'sig' | 'enc'): Promise<KeyMaterial> {
  return keyMaterialOf((await generateKeyPair(suite, use)).privateJwk, use);
}

/** A private key with its signer or opener. */
function privateOf({ privateJwk }: KeyMaterial) {
  if (privateJwk === undefined) throw new Error('a private key is wanted');
  return privateJwk;
}

for (const [name, peer, isHere] of peers) {
  const onPeer = isHere ? describe : describe.skip;
  onPeer(`letters and ${name}`, () => {
    it.each(pairs)('from %s to %s go both ways', async (from, to) => {
      const [sender, recipient] = [await keyOf(from, 'sig'), await keyOf(to, 'enc')];
      const verifying = verifyingKeyOf([sender]);
      const sealing = sealingKeyOf([recipient]);
      const letter = { content: CONTENT, at: AT, name: 'letter.txt' };
      const ours = await sealLetter(letter, await loadSigner(privateOf(sender), verifying.alg), sealing);
      expect(await peer.open(ours, recipient, sender)).toEqual(CONTENT);

      const typ = 'bulla-letter+jws';
      const inside = { alg: verifying.alg, typ, kid: sender.kid, aud: recipient.kid, iat: AT, name: 'letter.txt' };
      const { alg } = sealing;
      const outside = { alg, enc: 'A256GCM', typ: 'bulla-letter+jwe', cty: typ, kid: recipient.kid };
      const theirs = await peer.seal(CONTENT, { inside, outside }, sender, recipient);
      expect(await openLetter(theirs, await loadUnwrapper(privateOf(recipient), alg), verifying)).toEqual(letter);
      // They do look: another sender's key is refused on their side too.
      const other = await keyOf(from, 'sig');
      await expect(peer.open(ours, recipient, other)).rejects.toThrow('failed');
    });
  });
}
