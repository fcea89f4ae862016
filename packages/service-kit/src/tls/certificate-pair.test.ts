import { X509Certificate } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderForTest, placeTestCertificate, testCertificate } from '@bulla/testkit';
import type { TestCertificateName } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { judgePair, readPair } from './certificate-pair.js';

const NOW = 1_790_000_000;
const folder = folderForTest('certificates');
const place = (name: TestCertificateName = 'here') => placeTestCertificate(folder, name);

function judge(files: { certFile: string; keyFile: string }, { now = NOW, hosts = ['localhost'] } = {}) {
  const all = { ...files, hosts };
  return judgePair(readPair(all), all, now);
}

describe('a certificate and its key', () => {
  it('are taken as they are in their files, with their end', () => {
    const files = place();
    const { cert, key } = testCertificate('here');
    const pair = judge(files, { hosts: ['localhost', '127.0.0.1', '[::1]'] });
    expect([String(pair.cert), String(pair.key)]).toEqual([cert, key]);
    expect(pair).toMatchObject({ notBefore: Date.UTC(2020) / 1000, notAfter: Date.UTC(2120) / 1000 });
  });

  it('are taken with the certificates of those between them and the authority behind them', () => {
    const files = place();
    const { cert, ca } = testCertificate('here');
    writeFileSync(files.certFile, cert + ca);
    expect(String(judge(files).cert)).toBe(cert + ca);
  });

  it('have another mark for every other content', () => {
    const marks = (['here', 'renewed'] as const).map((name) => readPair({ ...place(name), hosts: [] }).mark);
    expect(marks[0]).not.toBe(marks[1]);
    expect(readPair({ ...place('here'), hosts: [] }).mark).toBe(marks[0]);
  });

  it('are refused once the certificate has expired [guard: tls-certificate-expired]', () => {
    expect(() => judge(place('expired'))).toThrow(
      expect.objectContaining({
        code: 'cert_expired',
        message: `BULLA_TLS_CERT_FILE: ${join(folder, 'tls.pem')} expired at Apr  1 00:00:00 2025 GMT; expected a newer one`,
      }),
    );
  });

  it('are refused before the certificate counts [guard: tls-certificate-not-yet]', () => {
    expect(() => judge(place(), { now: Date.UTC(2019) / 1000 })).toThrow(
      expect.objectContaining({ code: 'cert_not_yet', message: expect.stringContaining('is the clock right?') }),
    );
  });

  it.each([
    ['a name', 'localhost'],
    ['an address', '127.0.0.1'],
    ['an address by IPv6', '[::1]'],
    ['a name below one of its names', 'a.vault.example'],
  ])('are refused if it is not for %s of the service [guard: tls-certificate-name]', (_what, host) => {
    expect(() => judge(place('elsewhere'), { hosts: ['vault.example', host] })).toThrow(
      expect.objectContaining({ code: 'cert_other_name', message: expect.stringContaining(` is not for ${host}; `) }),
    );
  });

  it.each(['renewed', 'weak'] as const)(
    'are refused if the key is that of another: %s [guard: tls-certificate-key]',
    (name) => {
      const files = place();
      writeFileSync(files.keyFile, testCertificate(name).key);
      expect(() => judge(files)).toThrow(expect.objectContaining({ code: 'key_other' }));
    },
  );

  it.each([0o604, 0o602, 0o644])('are refused if everybody can use the key, mode %o [guard: tls-key-mode]', (mode) => {
    const files = place();
    chmodSync(files.keyFile, mode);
    expect(() => judge(files)).toThrow(expect.objectContaining({ code: 'key_open_to_others' }));
    chmodSync(files.keyFile, 0o600);
  });

  it.each([
    ['no certificate is there', { certFile: join(folder, 'none') }, 'cert_unreadable'],
    ['the certificate is a folder', { certFile: folder }, 'cert_unreadable'],
    ['the certificate has no end', { certFile: '/dev/zero' }, 'cert_unreadable'],
    ['no key is there', { keyFile: join(folder, 'none') }, 'key_unreadable'],
  ])('are refused if %s', (_what, other, code) => {
    expect(() => judge({ ...place(), ...other })).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['the certificate is cut', (cert: string, key: string) => [cert.slice(0, 300), key], 'cert_malformed'],
    [
      'the certificate is damaged',
      (cert: string, key: string) => [cert.replace(/MII.{20}/, ''), key],
      'cert_malformed',
    ],
    ['they are exchanged', (cert: string, key: string) => [key, cert], 'cert_malformed'],
    ['the key is cut', (cert: string, key: string) => [cert, key.slice(0, 100)], 'key_malformed'],
    ['the key is empty', (cert: string) => [cert, ''], 'key_malformed'],
  ])('are refused if %s', (_what, write, code) => {
    const files = place();
    const { cert, key } = testCertificate('here');
    const [certText = '', keyText = ''] = write(cert, key);
    writeFileSync(files.certFile, certText);
    writeFileSync(files.keyFile, keyText);
    expect(() => judge(files)).toThrow(expect.objectContaining({ code, message: expect.not.stringContaining('\n') }));
  });

  it('are refused if the key is a public one', () => {
    const files = place();
    const key = new X509Certificate(testCertificate('here').cert).publicKey.export({ format: 'pem', type: 'spki' });
    writeFileSync(files.keyFile, key);
    expect(() => judge(files)).toThrow(expect.objectContaining({ code: 'key_malformed' }));
  });

  it('are refused if OpenSSL takes the key for too short', () => {
    expect(() => judge(place('weak'))).toThrow(expect.objectContaining({ code: 'refused' }));
  });
});
