import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { folderForTest, placeTestCertificate, testCertificate } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { EventLog } from '../observe/event-log.js';
import { Clock } from '../process/clock.js';
import { readSettings, SettingsError } from '../process/settings.js';
import { trustAuthorities } from './authorities.js';
import { loadTls } from './load-tls.js';
import { tlsSettings } from './tls-settings.js';

const folder = folderForTest('load-tls');
const files = placeTestCertificate(folder, 'here');
const BOTH = { BULLA_TLS_CERT_FILE: files.certFile, BULLA_TLS_KEY_FILE: files.keyFile };
const log = new EventLog({ service: 'test', level: 'silent' });

function load(environment: Record<string, string>, publicUrls?: readonly string[], trustedProxies?: readonly string[]) {
  const settings = readSettings(tlsSettings, environment);
  return loadTls(settings, { clock: new Clock(), log, publicUrls, trustedProxies });
}
const lineOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ name: SettingsError.name, exitCode: 78, lines: [expect.any(String)] });
    return (error as Error).message;
  }
  return 'nothing';
};

describe('TLS of a service', () => {
  it('is there with both files alone', () => {
    expect(load({})).toBeUndefined();
    expect(load(BOTH, ['https://localhost', 'https://127.0.0.1:4100'])).toBeDefined();
    expect(lineOf(() => load({ BULLA_TLS_CERT_FILE: files.certFile }))).toBe(
      'BULLA_TLS_KEY_FILE is not set; expected it together with BULLA_TLS_CERT_FILE',
    );
    expect(lineOf(() => load({ BULLA_TLS_KEY_FILE: files.keyFile }))).toBe(
      'BULLA_TLS_CERT_FILE is not set; expected it together with BULLA_TLS_KEY_FILE',
    );
  });

  it('is not there with a public URL of http, since clients would find nobody [guard: tls-public-http]', () => {
    const urls = ['https://localhost', 'http://localhost:4100'];
    expect(lineOf(() => load(BOTH, urls))).toMatch(/^BULLA_PUBLIC_URL: one of its URLs begins with http, /);
  });

  it('has a certificate for each public URL, unless a proxy is what clients see', () => {
    const urls = ['https://localhost', 'https://vault.example'];
    expect(lineOf(() => load(BOTH, urls))).toBe(
      `BULLA_TLS_CERT_FILE: ${files.certFile} is not for vault.example; expected a certificate with that name or address in it`,
    );
    expect(load(BOTH, ['http://vault.example'], ['10.0.0.1'])).toBeDefined();
  });
});

describe('the authorities of a process', () => {
  it('are those of the file beside those that Node knows', () => {
    // Node writes them down with lines of another length once they were set.
    const trusted = () => new Set(tls.getCACertificates('default').map((pem) => pem.replaceAll(/\s/g, '')));
    trustAuthorities(undefined);
    const before = trusted();
    const own = testCertificate('here').ca.replaceAll(/\s/g, '');
    expect(before).not.toContain(own);
    trustAuthorities(files.caFile);
    const now = trusted();
    expect([...before, own].filter((pem) => !now.has(pem))).toEqual([]);
  });

  it.each([
    ['that is not there', () => join(folder, 'none')],
    ['without end', () => '/dev/zero'],
    ['with a key alone', () => files.keyFile],
    [
      'that is damaged',
      () => {
        const file = join(folder, 'damaged.pem');
        writeFileSync(file, testCertificate('here').ca.replace(/MII.{20}/, ''));
        return file;
      },
    ],
  ])('come from no file %s', (_what, fileOf) => {
    const file = fileOf();
    expect(lineOf(() => trustAuthorities(file))).toBe(
      `BULLA_CA_FILE: ${file} cannot be read as a PEM file of certificates`,
    );
  });
});
