import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import * as values from './setting-values.js';
import type { SettingsShape } from './settings.js';
import { readSettings, SettingsError } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'bulla-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (text: string) => {
  const path = join(folder, `${crypto.randomUUID()}.txt`);
  writeFileSync(path, text);
  return path;
};

const shape = {
  BULLA_VAULT_PORT: values.portSetting(4100),
  BULLA_HOST: values.hostSetting,
  BULLA_DATABASE_URL: values.databaseUrlSetting,
  BULLA_LOG_LEVEL: values.logLevelSetting,
  BULLA_PUBLIC_URL: values.publicUrlSetting,
  BULLA_BOOTSTRAP_SECRET: values.bootstrapSecretSetting,
  BULLA_LLM_TIMEOUT_MS: values.wholeNumberSetting(60_000, 1_000, 600_000),
};

function faultsOf(environment: Readonly<Record<string, string>>, of: SettingsShape = shape): SettingsError | undefined {
  try {
    readSettings(of, environment);
    return undefined;
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
}

function linesOf(environment: Readonly<Record<string, string>>, of?: SettingsShape): readonly string[] {
  return faultsOf(environment, of)?.lines ?? [];
}

describe('settings', () => {
  it('have defaults, are frozen, and count an empty variable or file as absent', () => {
    const settings = readSettings(shape, { BULLA_HOST: '', BULLA_LOG_LEVEL_FILE: '/dev/null', PATH: '/bin' });
    expect(settings).toEqual({
      BULLA_VAULT_PORT: 4100,
      BULLA_HOST: '127.0.0.1',
      BULLA_LOG_LEVEL: 'info',
      BULLA_LLM_TIMEOUT_MS: 60_000,
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('come from the environment or from files', () => {
    const settings = readSettings(shape, {
      BULLA_VAULT_PORT: '0',
      BULLA_DATABASE_URL_FILE: fileWith('postgresql://me@db/bulla\n'),
      BULLA_PUBLIC_URL: 'https://vault.example, http://127.0.0.1:4100',
      BULLA_BOOTSTRAP_SECRET: `${'a'.repeat(22)},${'b'.repeat(22)}`,
      BULLA_LLM_TIMEOUT_MS: '1000',
    });
    expect(settings).toMatchObject({
      BULLA_VAULT_PORT: 0,
      BULLA_DATABASE_URL: 'postgresql://me@db/bulla',
      BULLA_PUBLIC_URL: ['https://vault.example', 'http://127.0.0.1:4100'],
      BULLA_BOOTSTRAP_SECRET: ['a'.repeat(22), 'b'.repeat(22)],
      BULLA_LLM_TIMEOUT_MS: 1000,
    });
  });

  it('let the variables of the other programs pass, as files too', () => {
    expect(
      linesOf({ BULLA_URL: 'x', BULLA_PROFILE: 'x', BULLA_IDENTITY: 'x', BULLA_HOME: 'x', BULLA_PIN_FILE: '/none' }),
    ).toEqual([]);
  });

  const tooMuch = 'x'.repeat(70_000);
  it.each([
    [
      'a bad value',
      { BULLA_VAULT_PORT: 'canary' },
      ['BULLA_VAULT_PORT (from the environment): expected a port from 1 to 65535, or 0 for any free one'],
    ],
    [
      'a port too high',
      { BULLA_VAULT_PORT: '65536' },
      ['BULLA_VAULT_PORT (from the environment): expected a port from 1 to 65535, or 0 for any free one'],
    ],
    [
      'a number out of bounds',
      { BULLA_LLM_TIMEOUT_MS: '999' },
      ['BULLA_LLM_TIMEOUT_MS (from the environment): expected a whole number from 1000 to 600000'],
    ],
    [
      'a URL of another kind',
      { BULLA_DATABASE_URL: 'mysql://canary' },
      ['BULLA_DATABASE_URL (from the environment): expected a URL such as postgresql://user@host:5432/database'],
    ],
    [
      'a URL with a password in it',
      { BULLA_PUBLIC_URL: 'https://me:canary@x' },
      [
        'BULLA_PUBLIC_URL (from the environment): expected one or more URLs such as https://vault.example, separated by commas',
      ],
    ],
    [
      'a URL that is none',
      { BULLA_PUBLIC_URL: 'canary' },
      [
        'BULLA_PUBLIC_URL (from the environment): expected one or more URLs such as https://vault.example, separated by commas',
      ],
    ],
    [
      'a secret too short',
      { BULLA_BOOTSTRAP_SECRET: 'canary' },
      [
        'BULLA_BOOTSTRAP_SECRET (from the environment): expected one or more secrets of 22 to 128 letters, digits, hyphens and underscores, separated by commas',
      ],
    ],
    [
      'an unknown variable',
      { BULLA_VAULTPORT: 'canary' },
      ['BULLA_VAULTPORT (from the environment): not a setting of Bulla; expected one of its documented names'],
    ],
    [
      'the port of a Kubernetes Service',
      { BULLA_VAULT_PORT: 'tcp://10.0.0.1:4100' },
      [expect.stringMatching(/^BULLA_VAULT_PORT .*expected a port.*Kubernetes.*enableServiceLinks/)],
    ],
    [
      'the other variables of that Service',
      { BULLA_VAULT_SERVICE_HOST: '10.0.0.1', BULLA_VAULT_PORT_4100_TCP_ADDR: '10.0.0.1' },
      [
        expect.stringMatching(/^BULLA_VAULT_SERVICE_HOST .*Kubernetes/),
        expect.stringMatching(/^BULLA_VAULT_PORT_4100_TCP_ADDR .*Kubernetes/),
      ],
    ],
    [
      'a file that is not there',
      { BULLA_DATABASE_URL_FILE: join(folder, 'none') },
      ['BULLA_DATABASE_URL_FILE: the file it names cannot be read'],
    ],
    [
      'a file that is too large',
      { BULLA_DATABASE_URL_FILE: fileWith(tooMuch) },
      ['BULLA_DATABASE_URL_FILE: the file is larger than 65536 bytes'],
    ],
    [
      'a file without end',
      { BULLA_DATABASE_URL_FILE: '/dev/zero' },
      ['BULLA_DATABASE_URL_FILE: the file is larger than 65536 bytes'],
    ],
    [
      'a bad value in a file',
      { BULLA_VAULT_PORT_FILE: fileWith('canary') },
      [expect.stringMatching(/^BULLA_VAULT_PORT \(from the file that BULLA_VAULT_PORT_FILE names\): expected a port/)],
    ],
    [
      'a variable and its file',
      { BULLA_HOST: '::1', BULLA_HOST_FILE: fileWith('::1') },
      ['BULLA_HOST: both it and BULLA_HOST_FILE are set; expected one of them'],
    ],
    [
      'several at once',
      { BULLA_X: '1', BULLA_HOST: '!' },
      [expect.stringMatching(/^BULLA_X/), expect.stringMatching(/^BULLA_HOST/)],
    ],
  ])('are refused for %s, by name and without the value', (_name, environment, lines) => {
    const got = linesOf(environment);
    expect(got).toEqual(lines);
    expect(got.join()).not.toContain('canary');
  });

  it('are refused where a needed one is missing', () => {
    expect(linesOf({}, { BULLA_PIN: values.pinSetting })).toEqual([
      'BULLA_PIN is not set; expected sha256: and 64 hexadecimal digits, as `bulla trust show` prints it',
    ]);
    expect(linesOf({}, { BULLA_PIN: z.string() })).toEqual(['BULLA_PIN is not set; expected a value']);
    expect(linesOf({ BULLA_PIN: 'x' }, { BULLA_PIN: z.literal('y') })).toEqual([
      'BULLA_PIN (from the environment): expected another value',
    ]);
  });

  it('end the process as bad settings do, with one line each', () => {
    expect(faultsOf({ BULLA_X: '1', BULLA_HOST: '!' })).toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/^BULLA_X [^\n]*\nBULLA_HOST [^\n]*$/),
    });
  });

  it('may themselves be paths of files', () => {
    const path = fileWith('x');
    chmodSync(path, 0o600);
    expect(readSettings({ BULLA_KEYS_FILE: values.pathSetting }, { BULLA_KEYS_FILE: path })).toEqual({
      BULLA_KEYS_FILE: path,
    });
    expect(
      readSettings({ BULLA_VAULT_URL: values.urlSetting }, { BULLA_VAULT_URL: 'http://127.0.0.1:4100' }),
    ).toBeDefined();
  });
});

describe('the authorities of a service', () => {
  it.each([
    ['the loopback names of its port', undefined, 4100, ['127.0.0.1:4100', 'localhost:4100', '[::1]:4100']],
    ['without the default port', undefined, 80, ['127.0.0.1', 'localhost', '[::1]']],
    [
      'those of its public URLs',
      ['https://Vault.example:443/', 'http://10.0.0.1:8080'],
      4100,
      ['vault.example', '10.0.0.1:8080'],
    ],
  ])('are %s', (_name, urls, port, authorities) => {
    expect(values.authoritiesOf(urls, port)).toEqual(authorities);
  });
});

describe('how long the audit log is kept', () => {
  const kept = { BULLA_AUDIT_RETENTION_DAYS: values.auditRetentionSetting };

  it.each([
    ['', 2_557],
    ['forever', 'forever'],
    ['90', 90],
  ])('is taken from %j: %s', (value, days) => {
    expect(readSettings(kept, { BULLA_AUDIT_RETENTION_DAYS: value }).BULLA_AUDIT_RETENTION_DAYS).toBe(days);
  });

  it.each(['89', '7', '0', '-90', 'never'])('is not %j', (value) => {
    const [line] = linesOf({ BULLA_AUDIT_RETENTION_DAYS: value }, kept);
    expect(line).toMatch(/BULLA_AUDIT_RETENTION_DAYS.*a whole number from 90 to 36500, or forever/);
  });
});
