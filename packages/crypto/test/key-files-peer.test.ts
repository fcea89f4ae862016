import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SuiteId } from '@bulla/crypto';
import { generateKeyPair, Secret } from '@bulla/crypto';
import { exportKeys, importKeys, keyMaterialOf } from '@bulla/crypto/key-files';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const isHere = spawnSync('openssl', ['version']).status === 0;
const onOpenssl = isHere ? describe : describe.skip;
const PASSPHRASE = 'a passphrase for tests';
const passphrase = async () => new Secret(new TextEncoder().encode(PASSPHRASE));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulla-openssl-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function openssl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  return stdout;
}
const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);

const SUITES: [SuiteId, string[]][] = [
  ['rsa2048', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
  ['rsa3072', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072']],
  ['p256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ['ed25519', ['-algorithm', 'ED25519']],
];

onOpenssl('OpenSSL', () => {
  it.each(SUITES)('makes keys of %s that are read, as PEM, as DER and encrypted', async (suite, options) => {
    openssl('genpkey', ...options, '-out', 'own.pem');
    openssl('pkey', '-in', 'own.pem', '-pubout', '-out', 'pub.pem');
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'own.pem', '-outform', 'DER', '-out', 'own.der');
    openssl('pkey', '-in', 'own.pem', '-pubout', '-outform', 'DER', '-out', 'pub.der');
    const encrypt = ['-topk8', '-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA256', '-passout', `pass:${PASSPHRASE}`];
    openssl('pkcs8', '-in', 'own.pem', ...encrypt, '-out', 'locked.pem');
    const [own] = await importKeys(read('own.pem'));
    expect(own).toMatchObject({ suite, use: undefined });
    expect(await importKeys(read('own.der'))).toEqual([own]);
    expect(await importKeys(read('locked.pem'), { passphrase })).toEqual([own]);
    if (own === undefined) throw new Error('no key');
    const { privateJwk: _private, ...others } = own;
    expect(await importKeys(read('pub.pem'))).toEqual([others]);
    expect(await importKeys(read('pub.der'))).toEqual([others]);
  });

  it.each(SUITES)('reads keys of %s as they are written, encrypted too', async (suite) => {
    const key = await keyMaterialOf((await generateKeyPair(suite, 'sig')).privateJwk);
    write('own.pem', await exportKeys([key], { format: 'pem', half: 'private' }));
    write('locked.pem', await exportKeys([key], { format: 'pem', half: 'private', passphrase: await passphrase() }));
    const pub = new TextDecoder().decode(await exportKeys([key], { format: 'pem', half: 'public' }));
    expect(openssl('pkey', '-in', 'own.pem', '-check', '-noout')).toContain('Key is valid');
    expect(openssl('pkey', '-in', 'own.pem', '-pubout')).toBe(pub);
    expect(openssl('pkey', '-in', 'locked.pem', '-passin', `pass:${PASSPHRASE}`, '-pubout')).toBe(pub);
  });
});
