import * as main from '@bulla/crypto';
import * as http from '@bulla/crypto/http';
import * as letters from '@bulla/crypto/letters';
import * as log from '@bulla/crypto/log';
import { describe, expect, it } from '@jest/globals';
import { moduleGraph, openingCalls, openingFunctions } from './wall.js';

// Who does not open has no code that could: what takes private encryption keys and content keys is behind the entries
// ./open and ./key-files of the crypto package.

/** Calls that look like opening and open nothing; each is there, and no other. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // HKDF of a shared secret (RFC 5869).
  'packages/crypto/src/platform/platform-web.ts': ['deriveBits', 'importKey'],
  // The private key is one that signs.
  'packages/crypto/src/platform/platform-node.ts': ['createPrivateKey'],
  // Sealing: the private key is an ephemeral one, made in the line before.
  'packages/crypto/src/keys/suite-p256.ts': ['deriveBits'],
};
/** It agrees on a key with an ephemeral one, as the line about its source says. */
const SEALING = / \(wrapAgreed\)$/;
const BEHIND = /^packages\/crypto\/src\/(?:.*\/open\/|open[.]ts$|key-files[/.])/;
const ENTRIES: readonly [string, object][] = [
  ['index', main],
  ['letters', letters],
  ['http', http],
  ['log', log],
];

/** Of the sources of a graph those that open something, with what they call. */
function callsOf(graph: ReadonlyMap<string, string>): Record<string, readonly string[]> {
  const calls = [...graph].map(([path, text]) => [path, openingCalls(path, text)] as const);
  return Object.fromEntries(calls.filter(([, found]) => found.length > 0));
}

/** The sources of a graph that stand behind the wall. */
const behind = (graph: ReadonlyMap<string, string>) => [...graph.keys()].filter((path) => BEHIND.test(path));

const within = (graph: ReadonlyMap<string, string>) =>
  Object.fromEntries(Object.entries(ALLOWED).filter(([path]) => graph.has(path)));

describe('what an entry of the crypto package reaches', () => {
  it.each(ENTRIES)('from %s on opens nothing', (name) => {
    const graph = moduleGraph(`packages/crypto/src/${name}.ts`);
    expect(graph.size).toBeGreaterThan(10);
    expect(callsOf(graph)).toEqual(within(graph));
    expect(behind(graph)).toEqual([]);
  });

  it.each(ENTRIES)('from %s on hands out no function that opens', (_name, module) => {
    expect(openingFunctions(module).filter((found) => !SEALING.test(found))).toEqual([]);
  });

  it('from the entries behind the wall does open: what is looked for is found', () => {
    const open = callsOf(moduleGraph('packages/crypto/src/open.ts'));
    expect(open['packages/crypto/src/keys/open/suite-rsa.ts']).toEqual(['decrypt']);
    expect(open['packages/crypto/src/keys/open/suite-p256.ts']).toEqual(['deriveBits', 'importKey', 'unwrapKey']);
    expect(open['packages/crypto/src/platform/open/platform-node.ts']).toEqual(['createDecipheriv']);
    const files = callsOf(moduleGraph('packages/crypto/src/key-files.ts'));
    expect(files['packages/crypto/src/key-files/key-encryption.ts']).toContain('decrypt');
  });

  it('is found where the table of suites knows how to unwrap, as it once did', () => {
    const planted = `export const RSA_KEYS = { sealing: { async unwrap(key, { encryptedKey }) {
      return new Secret(new Uint8Array(await crypto.subtle.decrypt({ name: 'RSA-OAEP' }, key, encryptedKey)));
    } } };`;
    const graph = new Map(moduleGraph('packages/crypto/src/index.ts')).set(
      'packages/crypto/src/keys/suite-rsa.ts',
      planted,
    );
    expect(callsOf(graph)['packages/crypto/src/keys/suite-rsa.ts']).toEqual(['decrypt']);
    const sealing = {
      async unwrap(key: CryptoKey, { encryptedKey }: { encryptedKey: ArrayBuffer }) {
        return crypto.subtle.decrypt({ name: 'RSA-OAEP' }, key, encryptedKey);
      },
    };
    const SUITES = { rsa2048: { ...main.SUITES.rsa2048, keys: { ...main.SUITES.rsa2048.keys, sealing } } };
    expect(openingFunctions({ ...main, SUITES })).toContain('.SUITES.rsa2048.keys.sealing.unwrap (unwrap)');
  });

  it.each([
    [
      'a private key is imported to decrypt',
      `crypto.subtle.importKey('jwk', jwk, RSA, false, ['decrypt']);`,
      'importKey',
    ],
    ['it is not said what for', `crypto.subtle.importKey('jwk', jwk, RSA, false, usages);`, 'importKey'],
    ['a library decrypts', `await compactDecrypt(token, key);`, 'compactDecrypt'],
    ['a name is put together', `crypto.subtle['unwrapKey'](...all);`, 'unwrapKey'],
  ])('is found where %s', (_name, text, call) => expect(openingCalls('planted.ts', text)).toEqual([call]));
});

describe('the vault', () => {
  const ROOM = 'services/vault/src/managed/';
  const graph = moduleGraph('services/vault/src/index.ts', ROOM);

  it('has no code that opens but in the one room for that, which others reach by its name', () => {
    expect([...graph.keys()]).toEqual(
      expect.arrayContaining(['packages/crypto/src/index.ts', 'packages/service-kit/src/index.ts']),
    );
    expect(callsOf(graph)).toEqual(within(graph));
    expect(behind(graph)).toEqual([]);
    const whole = moduleGraph('services/vault/src/index.ts');
    expect(behind(whole)).toContain('packages/crypto/src/prompt/open/content.ts');
    expect([...whole.keys()].some((path) => path.startsWith(ROOM))).toBe(true);
  });

  it('is found with it where one of its sources takes it in', () => {
    const planted = moduleGraph('packages/crypto/src/prompt/open/content.ts');
    expect(behind(new Map([...graph, ...planted]))).toContain('packages/crypto/src/prompt/open/content.ts');
  });
});
