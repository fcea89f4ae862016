import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home, prepareProduction } from '@bulla/client/node';
import { Trust } from '@bulla/crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { inspectLogKeys, inspectMarkFolders } from './log-keys-inspection.js';

const NOW = 1_800_000_000;
const DAY = 86_400;

let home: Home;
let trust: Trust;
beforeEach(async () => {
  home = new Home(await mkdtemp(join(tmpdir(), 'bulla-log-keys-')));
  const urls = { vaultUrl: 'https://vault.example', responderUrl: 'https://responder.example' };
  const { documents, pin } = await prepareProduction(home, { org: 'acme', suite: 'p256', now: NOW, ...urls });
  trust = await Trust.establish(documents, { org: 'acme', pin, now: NOW, acceptStale: true });
});
afterEach(() => rm(home.folder, { recursive: true, force: true }));

it('says of which log a key is listed, and until when', () => {
  expect(inspectLogKeys(trust, NOW)).toMatchObject([
    { ok: true, detail: 'the directory lists the key of log 1 of vault, until 2029-01-14', data: { log: 1 } },
    { ok: true, data: { service: 'urn:bulla:acme:svc:responder:main', log: 1 } },
  ]);
});

it('says that the next log is due when a third of the two years is left [guard: doctor-log-key-due]', () => {
  const found = inspectLogKeys(trust, NOW + 490 * DAY);
  expect(found).toMatchObject([
    { ok: false, detail: expect.stringContaining('the next log is due'), fix: expect.stringContaining('trust renew') },
    { ok: false },
  ]);
});

it('says from which log on marks are kept, and where a folder of marks is not set up [guard: doctor-mark-folder]', async () => {
  expect(await inspectMarkFolders(home)).toMatchObject([
    { ok: true, detail: 'those of the vault are kept from log 1 on' },
    { ok: true, detail: 'those of the responder are kept from log 1 on' },
  ]);
  await home.remove('audit/vault/log.json');
  await home.write('audit/responder/log.json', '{}');
  expect(await inspectMarkFolders(home)).toMatchObject([
    { ok: false, detail: expect.stringContaining('is not there'), fix: 'bulla trust renew --begin-logs' },
    { ok: false, detail: expect.stringContaining('is not what it should be') },
  ]);
});
