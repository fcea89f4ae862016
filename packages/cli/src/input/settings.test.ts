import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readClientSettings, requireHttpUrl } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'bulla-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('the settings of a client', () => {
  it('are all absent in an empty environment, and an empty variable is absent too', () => {
    const pii = { mode: 'off', country: undefined, detector: undefined, tools: [] };
    const none = { home: undefined, url: undefined, profile: undefined, identity: undefined, pii };
    expect(readClientSettings({})).toEqual(none);
    expect(readClientSettings({ BULLA_HOME: '', BULLA_URL_FILE: '' })).toEqual(none);
  });

  it('come from the environment or from files', () => {
    const env = {
      BULLA_HOME: '/h',
      BULLA_URL_FILE: file('url', 'https://vault.example\n'),
      BULLA_PROFILE: '/p',
      BULLA_IDENTITY: '/i',
      BULLA_PII: 'mask',
      BULLA_PII_COUNTRY: 'DE',
      BULLA_PII_DETECTOR: 'http://127.0.0.1:9/find',
      BULLA_PII_TOOLS: 'send, log,',
    };
    expect(readClientSettings(env)).toEqual({
      home: '/h',
      url: 'https://vault.example',
      profile: '/p',
      identity: '/i',
      pii: { mode: 'mask', country: 'DE', detector: 'http://127.0.0.1:9/find', tools: ['send', 'log'] },
    });
  });

  it.each([
    [
      'a URL that is none',
      { BULLA_URL: 'canary-value' },
      'BULLA_URL (from the environment): expected a URL such as https://vault.example',
    ],
    [
      'a mode that there is not [guard: setting-pii-mode]',
      { BULLA_PII: 'canary-value' },
      'BULLA_PII: expected one of off, detect, mask, block',
    ],
    [
      'a detector that others can read [guard: setting-pii-detector]',
      { BULLA_PII_DETECTOR: 'http://canary-value.example/' },
      'BULLA_PII_DETECTOR: expected an https URL without a password, or an http URL of this machine',
    ],
    [
      'a country by its name',
      { BULLA_PII_COUNTRY: 'canary-value' },
      'BULLA_PII_COUNTRY: expected two capitals such as DE',
    ],
    [
      'a variable and its file',
      { BULLA_HOME: '/h', BULLA_HOME_FILE: '/f' },
      'BULLA_HOME: both it and BULLA_HOME_FILE are set; expected one of them',
    ],
    [
      'a file that is not there',
      { BULLA_HOME_FILE: join(folder, 'nothing') },
      'BULLA_HOME_FILE: the file it names cannot be read',
    ],
    [
      'a file without end',
      { BULLA_HOME_FILE: file('large', 'x'.repeat(70_000)) },
      'BULLA_HOME_FILE: the file is larger than 65536 bytes',
    ],
    [
      'a device that never ends',
      { BULLA_HOME_FILE: '/dev/zero' },
      'BULLA_HOME_FILE: the file is larger than 65536 bytes',
    ],
  ])('refuse %s in one line without the value', (_name, env, message) => {
    expect(() => readClientSettings(env)).toThrow(expect.objectContaining({ message, exitCode: 78 }));
  });

  it.each([
    'ftp://vault.example',
    'https://user:password@vault.example',
    'https://vault.example?x=1',
    'https://vault.example#x',
    'vault',
  ])('take no vault at %s', (url) => expect(() => requireHttpUrl('--url', url)).toThrow('--url: expected a URL'));

  it.each(['http://127.0.0.1:4100', 'https://vault.example/base'])('take a vault at %s', (url) => {
    expect(requireHttpUrl('--url', url)).toBe(url);
  });
});
