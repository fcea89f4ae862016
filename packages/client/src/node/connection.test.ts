import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KeyFile } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { identityOf } from '../connection/identity.js';
import { connectionOf } from './connection.js';
import { prepareDevelopment } from './organisation/development.js';
import { IDENTITY } from './organisation/key-names.js';
import { Home, HomeError } from './home/home.js';
import { readKeyFile, writeKeyFile } from './home/key-file.js';
import { readProfile, writeProfile } from './home/profile.js';
import { FileTrustStore } from './trust-store.js';

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-connection-'));
  home = new Home(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = () =>
  prepareDevelopment(home, {
    vaultUrl: 'http://127.0.0.1:1',
    responderUrl: 'http://127.0.0.1:2',
    now: 1_800_000_000,
    suite: 'p256',
  });

describe('the connection of a home folder', () => {
  it('is the vault, the pin, the identity and the trust of that folder', async () => {
    const { pin } = await prepare();
    const connection = await connectionOf(home);
    expect(connection).toMatchObject({ url: 'http://127.0.0.1:1', pin });
    expect(connection.identity.urn).toMatch(/^urn:bulla:dev:dev:dev_/);
    expect(connection.store).toBeInstanceOf(FileTrustStore);
  });

  it('needs a folder that is set up, for one organisation', async () => {
    await expect(connectionOf(home)).rejects.toThrow(/is not set up; run `bulla up`/);
    const { pin } = await prepare();
    await writeProfile(home, { vaultUrl: 'http://127.0.0.1:1', org: 'acme', pin });
    await expect(connectionOf(home)).rejects.toThrow(/not of the organisation in its profile/);
  });
});

describe('a profile', () => {
  it.each([
    ['that is no JSON', 'x'],
    ['without a pin', '{"vault_url":"http://a","org":"dev"}'],
    ['with a pin of another form', '{"vault_url":"http://a","org":"dev","pin":"md5:00"}'],
  ])('%s is refused', async (_name, text) => {
    await home.write('profile.json', text);
    await expect(readProfile(home)).rejects.toThrow(/profile\.json is not a profile/);
  });
});

/** But for where it is. */
const KEY_IN_TOKEN = {
  kid: 'K'.repeat(43),
  use: 'sig',
  alg: 'PS256',
  suite: 'rsa3072',
  pur: ['http'],
  jwk: { kty: 'RSA', n: 'AAAA', e: 'AQAB' },
};

describe('a key file', () => {
  it.each([
    ['that is no JSON', 'secret', /is not a key file \(wrong at \/\)/],
    [
      'of another form',
      '{"v":1,"org":"dev","urn":"u","keys":[{"kid":"secret"}]}',
      /is not a key file \(wrong at \/keys\/0\/kid\)/,
    ],
    [
      'with a key in no token',
      JSON.stringify({ v: 1, org: 'dev', urn: 'u', keys: [{ ...KEY_IN_TOKEN, token: 'secret' }] }),
      /is not a key file \(wrong at \/keys\/0\/token\)/,
    ],
  ])('%s is refused without a word of what is in it', async (_name, text, message) => {
    await home.write(IDENTITY, text);
    const error = await readKeyFile(home, IDENTITY).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HomeError);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('secret');
  });

  it('that others may read is refused', async () => {
    await prepare();
    await chmod(home.path(IDENTITY), 0o640);
    await expect(readKeyFile(home, IDENTITY)).rejects.toThrow(/chmod 600/);
  });
});

describe('an identity', () => {
  it('has the signing key of a device', async () => {
    const { vault, owner } = await makeOrganisation({ suite: 'p256' });
    await expect(identityOf(vault.keyFile)).rejects.toMatchObject({ code: 'key_invalid' });
    await expect(identityOf(vault.keyFile)).rejects.toBeInstanceOf(CryptoError);
    await writeKeyFile(home, IDENTITY, owner.keyFile);
    const identity = await identityOf((await readKeyFile(home, IDENTITY)) as KeyFile);
    expect(identity.signer.kid).toBe(owner.sig.kid);
    expect([...identity.unwrappers.keys()]).toEqual([owner.enc?.kid]);
  });
});
