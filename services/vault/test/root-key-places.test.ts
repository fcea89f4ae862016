import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findSoftHsm, folderForTest, SoftHsm } from '@bulla/testkit';
import { kmsPlace } from '../src/managed/root-key/aws-root-key.js';
import { openBaoPlace } from '../src/managed/root-key/openbao-place.js';
import { OpenBaoRequests } from '../src/managed/root-key/openbao-requests.js';
import { OpenBaoRootKey } from '../src/managed/root-key/openbao-root-key.js';
import { Pkcs11RootKey, rootPlace } from '../src/managed/root-key/pkcs11-root-key.js';
import { OpenBaoStandIn } from './openbao-stand-in.js';
import { ARN, CONTEXT, describeWhere, files } from './root-key-rigs.js';

// How root keys elsewhere are named and asked.

const bao = new OpenBaoStandIn();

describe('OpenBao, as a stand-in of its transit API', () => {
  const tokenFile = join(folderForTest('openbao-token'), 'token');
  const place = (query = '') => openBaoPlace(`${bao.server.url}/transit/root?token-file=${tokenFile}${query}`);
  const provider = (query?: string) => new OpenBaoRootKey(place(query), new OpenBaoRequests(place(query), files, 400));
  beforeAll(async () => {
    writeFileSync(tokenFile, bao.state.token, { mode: 0o600 });
    bao.makeKey('transit/root');
    await bao.server.start();
  });
  afterAll(() => bao.server.stop());

  it('is asked with a token that is read again each time', async () => {
    const root = provider();
    bao.state.token = 'hvs.renewed';
    const refused = await root.wrap(new Uint8Array(32), CONTEXT).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/refused the token/) });
    expect(String(refused)).not.toContain(readFileSync(tokenFile, 'utf8'));
    writeFileSync(tokenFile, 'hvs.renewed\n');
    expect(await root.wrap(new Uint8Array(32), CONTEXT)).toMatch(/^vault:v1:/);
  });

  it('is asked in a namespace, which is a part of its name', async () => {
    bao.state.namespace = 'team/prompts';
    const root = provider('&namespace=team/prompts');
    expect(root.kid).toBe('root:openbao:team.prompts.transit.root');
    expect(await root.wrap(new Uint8Array(32), CONTEXT)).toMatch(/^vault:v1:/);
    bao.state.namespace = undefined;
  });

  it('is asked once more where it failed, and once only', async () => {
    for (const manner of ['failing', 'strangely'] as const) {
      const before = bao.server.asked.length;
      bao.server.manner = manner;
      await expect(provider().wrap(new Uint8Array(32), CONTEXT)).rejects.toMatchObject({ code: 'unavailable' });
      bao.server.manner = 'well';
      expect(bao.server.asked.length - before).toBe(manner === 'failing' ? 2 : 1);
    }
  });

  it('is not followed elsewhere, where its token would go too [guard: openbao-redirect]', async () => {
    const elsewhere = await new OpenBaoStandIn().server.start();
    bao.server.elsewhere = elsewhere.url;
    bao.server.manner = 'elsewhere';
    await expect(provider().wrap(new Uint8Array(32), CONTEXT)).rejects.toMatchObject({ code: 'unavailable' });
    expect(elsewhere.asked).toEqual([]);
    bao.server.manner = 'well';
    await elsewhere.stop();
  });

  it('is not listened to without end [guard: openbao-answer-size]', async () => {
    bao.server.manner = 'at length';
    await expect(provider().wrap(new Uint8Array(32), CONTEXT)).rejects.toMatchObject({ code: 'unavailable' });
    bao.server.manner = 'well';
  });

  it('is unavailable where there is no such key', async () => {
    const other = openBaoPlace(`${bao.server.url}/nowhere/root?token-file=${tokenFile}`);
    const root = new OpenBaoRootKey(other, new OpenBaoRequests(other, files));
    await expect(root.health()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/404/) });
  });

  it.each([
    ['without TLS to another machine [guard: openbao-tls]', 'http://bao.example/transit/root?token-file=/t'],
    ['with a token in the address', 'https://token@bao.example/transit/root?token-file=/t'],
    ['without a file of a token', 'https://bao.example/transit/root'],
    ['with a file that is no whole path', 'https://bao.example/transit/root?token-file=token'],
    ['with an option that means nothing', 'https://bao.example/transit/root?token-file=/t&tokn=x'],
    ['without a key', 'https://bao.example/?token-file=/t'],
    ['with a namespace that is no path', 'https://bao.example/bulla?token-file=/t&namespace=a//b'],
    ['without an address', 'bulla'],
  ])('is not asked %s', (_name, text) => {
    expect(() => openBaoPlace(text)).toThrow(/^BULLA_ROOT_KEY: expected openbao:https:/);
  });
});

describe('the place of a key', () => {
  it.each([
    ['a PIN in the setting', 'token=a;object=b?module-path=/m&pin-value=1234'],
    ['no token', 'object=b?module-path=/m&pin-source=file:/p'],
    ['a library that is no whole path', 'token=a;object=b?module-path=m&pin-source=file:/p'],
    ['a key of another type', 'token=a;object=b;type=private?module-path=/m&pin-source=file:/p'],
    ['an attribute twice', 'token=a;token=b;object=b?module-path=/m&pin-source=file:/p'],
    ['a broken escape', 'token=%;object=b?module-path=/m&pin-source=file:/p'],
  ])('in a token is not read with %s', (_name, text) => {
    expect(() => rootPlace(text)).toThrow(/^BULLA_ROOT_KEY: expected pkcs11:token=/);
  });

  it.each([
    ['an alias, which can be moved', 'arn:aws:kms:eu-central-1:111122223333:alias/bulla'],
    ['another service', 'arn:aws:s3:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'],
    ['an option that means nothing', `${ARN}?profile=x`],
    ['an endpoint that is no URL', `${ARN}?endpoint=localhost`],
  ])('in KMS is not read with %s', (_name, text) => {
    expect(() => kmsPlace(text)).toThrow(/^BULLA_ROOT_KEY: expected aws:arn:/);
  });

  it('in KMS is its ARN', () => {
    expect(kmsPlace(ARN)).toMatchObject({ arn: ARN, region: 'eu-central-1', endpoint: undefined });
  });
});

describeWhere(findSoftHsm() !== undefined)('a PIN that the token refused', () => {
  it('is not tried again before its file changes [guard: pkcs11-pin]', async () => {
    const hsm = new SoftHsm(findSoftHsm() ?? '');
    process.env['SOFTHSM2_CONF'] = hsm.settings;
    hsm.makeKey('root');
    const pinFile = join(hsm.folder, 'pin');
    writeFileSync(pinFile, 'another');
    const provider = new Pkcs11RootKey(rootPlace(hsm.place('root')), files);
    await expect(provider.health()).rejects.toMatchObject({ message: expect.stringMatching(/refused the PIN/) });
    // Who asked the token now would hear that it is gone.
    hsm.takeAway();
    await expect(provider.health()).rejects.toMatchObject({ message: expect.stringMatching(/refused the PIN/) });
    hsm.putBack();
    writeFileSync(pinFile, hsm.pin);
    await provider.health();
    await provider.close();
  });
});
