import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findDocumentSigner, Home } from '@bulla/client/node';
import { parseRoot, signDocument, timestampOf } from '@bulla/crypto';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Ended } from '../bulla-process.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';

// A vault that was read back from an older dump by PostgreSQL's own programs, as an operator does it, between services that are
// processes of their own.

const run = promisify(execFile);
const database = await databaseForTest({ empty: true });
/** The responder's, which is not restored: of a restore of its own it waits a minute. */
const other = await databaseForTest({ empty: true });
const hasPrograms = await Promise.all(['pg_dump', 'pg_restore'].map((name) => run(name, ['--version']))).then(
  () => true,
  () => false,
);
const withDump = database.url === undefined || !hasPrograms ? describe.skip : describe;

withDump('a vault that was restored from an older dump', () => {
  let folder: string;
  let home: string;
  let settings: Record<string, string>;
  let start: () => Promise<void>;
  let services: ServiceProcess[] = [];
  const stop = async () => {
    for (const service of services.toReversed()) await service.stop();
    services = [];
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-dumped-'));
    home = join(folder, 'home');
    settings = { BULLA_HOME: home };
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    const vaultUrl = `http://127.0.0.1:${vaultPort}`;
    const urls = ['--vault-url', vaultUrl, '--responder-url', `http://127.0.0.1:${responderPort}`];
    ok(await bulla(['init', '--production', '--org', 'acme', '--suite', 'p256', ...urls], settings));
    const url = database.url ?? '';
    const startVault = async () =>
      services.push(
        await startService('vault', {
          BULLA_DATABASE_URL: url,
          BULLA_KEYS_FILE: join(home, 'services/vault.keys.json'),
          BULLA_AUDIT_MARKS: join(home, 'audit/vault'),
          BULLA_BOOTSTRAP_SECRET_FILE: join(home, 'bootstrap.secret'),
          BULLA_VAULT_PORT: String(vaultPort),
        }),
      );
    const startResponder = async () => {
      const { pin } = JSON.parse(await readFile(join(home, 'profile.json'), 'utf8')) as { pin: string };
      services.push(
        await startService('responder', {
          BULLA_DATABASE_URL: other.url ?? '',
          BULLA_KEYS_FILE: join(home, 'services/responder.keys.json'),
          BULLA_AUDIT_MARKS: join(home, 'audit/responder'),
          BULLA_VAULT_URL: vaultUrl,
          BULLA_PIN: pin,
          BULLA_RESPONDER_PORT: String(responderPort),
        }),
      );
    };
    start = async () => {
      await startVault();
      await startResponder();
    };
    await startVault();
    ok(await bulla(['trust', 'renew'], settings));
    await startResponder();
    ok(await push('First.'));
    ok(await push('Second.'));
    ok(await asked());
  }, 400_000);
  afterAll(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
    await database.drop();
    await other.drop();
  });

  const ok = (ended: Ended): Ended => {
    expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
    return ended;
  };
  const push = (text: string) =>
    bulla(
      ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'],
      settings,
      `Sort this claim. ${text}\n\n{{claim}}\n`,
    );
  const asked = () => bulla(['run', 'claims/triage', '--var', 'claim=Water.'], settings);
  const setSkew = async (seconds: number) => {
    const shown = ok(await bulla(['policy', 'show'], settings)).stdout;
    await writeFile(join(folder, 'policy.json'), shown.replace(/"max_skew": \d+/, `"max_skew": ${seconds}`));
    return bulla(['policy', 'set', join(folder, 'policy.json')], settings);
  };
  /** The next root, with the keys of the one before. */
  const rotateRoot = async () => {
    const files = new Home(home);
    const signer = await findDocumentSigner(files, 'org/acme/root.key');
    if (signer === undefined) throw new Error('the key of root is here');
    const { payload } = await parseRoot((await files.read('org/acme/root.json')) ?? '');
    const now = Math.floor(Date.now() / 1000);
    const next = { ...payload, version: 2, issued: timestampOf(now), expires: timestampOf(now + 365 * 86_400) };
    await files.write('org/acme/root.2.json', await signDocument(next, [signer]));
  };

  it('is handed back what it lost: documents, a root and moves of labels; then everything goes on', async () => {
    const dump = join(folder, 'vault.dump');
    await run('pg_dump', ['--format=custom', `--file=${dump}`, `--dbname=${database.url ?? ''}`]);
    await rotateRoot();
    expect(ok(await setSkew(50)).stdout).toContain('policy version 2');
    expect(ok(await setSkew(40)).stdout).toContain('policy version 3');
    ok(await push('Third.'));
    const documents = ok(await bulla(['trust', 'show'], settings)).stdout;
    expect(documents).toMatch(/root +version 2/);

    await stop();
    await run('pg_restore', ['--clean', '--if-exists', `--dbname=${database.url ?? ''}`, dump]);
    await start();

    // Every command says what happened and what comes next.
    for (const command of [
      () => push('Fourth.'),
      asked,
      () => bulla(['trust', 'renew'], settings),
      () => bulla(['policy', 'set', join(folder, 'policy.json')], settings),
    ]) {
      const { status, stderr } = await command();
      expect({ status, stderr }).toEqual({
        status: expect.any(Number),
        stderr: expect.stringMatching(/(?:trust_rollback|vault_restored)[\s\S]*bulla trust hand-back/),
      });
      expect(status).not.toBe(0);
    }
    expect(ok(await bulla(['trust', 'hand-back', '--yes'], settings)).stdout).toMatch(
      /^✔ handed back: \d versions? of the directory, \d moves? of \d labels?\n$/,
    );
    expect((await bulla(['trust', 'renew', '--begin-logs', '--yes'], settings)).stderr).toContain('bulla trust resume');
    ok(await bulla(['trust', 'resume', '--yes'], settings));
    expect((await push('Fourth.')).stderr).toContain('bulla trust renew --begin-logs');
    ok(await bulla(['trust', 'renew', '--begin-logs', '--yes'], settings));

    expect(ok(await bulla(['trust', 'show'], settings)).stdout).toMatch(/root +version 2/);
    expect(ok(await push('Fourth.')).stdout).toContain('v4');
    expect(ok(await asked()).stdout).toContain('Water.');
    const promote = ['prompt', 'promote', 'claims/triage', '2', '--label', 'production', '--yes'];
    const shown = await bulla(promote, settings);
    const [, chash = ''] = /--expect (sha256:\S+)/.exec(shown.stderr) ?? [];
    ok(await bulla([...promote, '--expect', chash], settings));
    ok(await asked());
    ok(await bulla(['trust', 'renew'], settings));
    expect(ok(await setSkew(30)).stdout).toContain('policy version 4');
    ok(await asked());
  }, 600_000);
});
