import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Deployment } from '../deploy-init.js';
import { deploymentIn, runInit } from '../deploy-init.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';

const database = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

const FINGERPRINT = String.raw`[0-9a-f]{4}(?::[0-9a-f]{4}){7}`;
const VAULT = 'urn:bulla:acme:svc:vault';

/** New keys are made where the vault is, by the guide; the folder of the organisation keeps a copy from before. */
withServer('a copy of the keys of a service that is older than the directory', () => {
  let folder: string;
  let deployment: Deployment;
  const running: ServiceProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-stale-'));
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    deployment = deploymentIn(folder, vaultPort, responderPort);
    const { services, vaultUrl, responderUrl } = deployment;
    const shared = { NODE_ENV: 'production', BULLA_DATABASE_URL: database.url ?? '' };
    runInit(deployment);
    running.push(
      await startService('vault', {
        ...shared,
        BULLA_VAULT_PORT: String(vaultPort),
        BULLA_PUBLIC_URL: vaultUrl,
        BULLA_KEYS_FILE: join(services, 'vault/keys.json'),
        BULLA_AUDIT_MARKS: join(services, 'vault-marks/audit-marks'),
        BULLA_BOOTSTRAP_SECRET_FILE: join(services, 'vault/bootstrap.secret'),
      }),
    );
    await done('trust', 'renew');
    await bulla(['trust', 'renew'], { BULLA_HOME: join(services, 'renew') });
    running.push(
      await startService('responder', {
        ...shared,
        BULLA_RESPONDER_PORT: String(responderPort),
        BULLA_PUBLIC_URL: responderUrl,
        BULLA_VAULT_URL: vaultUrl,
        BULLA_KEYS_FILE: join(services, 'responder/keys.json'),
        BULLA_AUDIT_MARKS: join(services, 'responder-marks/audit-marks'),
        BULLA_PIN_FILE: join(services, 'responder/pin'),
        BULLA_LLM_API_KEY_FILE: '/dev/null',
      }),
    );
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop('SIGKILL')));
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const command = (...args: string[]) => bulla(args, { BULLA_HOME: deployment.home });
  const done = async (...args: string[]) => {
    const ended = await command(...args);
    if (ended.status !== 0) throw new Error(`bulla ${args.join(' ')}: ${ended.stderr}`);
    return ended;
  };
  const vaultKeys = async () =>
    (await done('trust', 'show')).stdout.split('\n').filter((line) => line.startsWith('vault '));
  const foundOfVault = async () => {
    const findings = JSON.parse((await command('doctor', '--json')).stdout) as { name: string }[];
    return findings.find(({ name }) => name === 'keys of vault');
  };

  /** Step 1 of the guide, and the fingerprint and the statement of step 3. */
  async function makeKeys(name: string): Promise<{ file: string; fingerprint: string; statement: string }> {
    const file = join(folder, `${name}.json`);
    const own = join(deployment.services, 'vault/keys.json');
    await done('keys', 'generate', file, '--like', own, '--signing');
    const shown = await done('keys', 'public', file);
    const [, fingerprint = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
    const statement = join(folder, `${name}.public`);
    await writeFile(statement, shown.stdout);
    return { file, fingerprint, statement };
  }

  /** Until the vault has seen its new file, and has the new directory, there is a reason not to. */
  async function whenReady(words: string, ...args: string[]) {
    for (const until = Date.now() + 30_000; ; await pause(200)) {
      const ended = await command(...args);
      if (ended.status === 0) return ended;
      if (Date.now() > until || !ended.stderr.includes(words)) throw new Error(ended.stderr);
    }
  }

  it('is left alone by policy set and trust renew; and who is stuck already ends the key that no service holds', async () => {
    const { file, fingerprint, statement } = await makeKeys('rotated');
    await rename(file, join(deployment.services, 'vault/keys.json'));
    const accept = ['trust', 'accept', 'vault', '--fingerprint', fingerprint, '--keys', statement];
    await whenReady('is not in place', ...accept);
    await whenReady('still signs with', 'trust', 'retire', 'vault', '--yes');

    const copy = join(deployment.home, 'services/vault.keys.json');
    const [before, listed] = [await readFile(copy, 'utf8'), await vaultKeys()];
    expect(before).not.toContain(
      JSON.parse(await readFile(join(deployment.services, 'vault/keys.json'), 'utf8')).keys[0].kid,
    );
    const policy = JSON.parse((await done('policy', 'show')).stdout) as { suites: string[] };
    const named = join(folder, 'policy.json');
    await writeFile(named, JSON.stringify({ ...policy, suites: policy.suites.toReversed() }));
    const told = `note: ${copy} is stale: the directory lists ${fingerprint} of ${VAULT}`;
    for (const args of [
      ['policy', 'set', named, '--yes'],
      ['trust', 'renew'],
    ]) {
      const { stdout, stderr } = await done(...args);
      expect(stderr).toContain(told);
      expect(stderr).toContain('(bulla keys rotate vault)');
      expect(`${stdout}${stderr}`).not.toContain('of the vault renewed');
      expect(await readFile(copy, 'utf8')).toBe(before);
      expect(await vaultKeys()).toEqual(listed);
    }
    expect(await foundOfVault()).toMatchObject({ ok: true });

    // What an earlier version did: a key is listed that no service has.
    const lost = await makeKeys('lost');
    await done('trust', 'accept', 'vault', '--fingerprint', lost.fingerprint, '--keys', lost.statement, '--file-later');
    await rm(lost.file);
    expect(await foundOfVault()).toMatchObject({
      ok: false,
      detail: expect.stringContaining(
        `the directory lists ${lost.fingerprint} (http, envelope), and ${VAULT} does not`,
      ),
      fix: expect.stringContaining(`bulla trust retire ${VAULT} --not-held`),
    });
    const stuck = await command('trust', 'retire', 'vault', '--yes');
    expect(stuck.status).toBe(2);
    expect(stuck.stderr).toContain(`it does not hold ${lost.fingerprint}`);
    expect(stuck.stderr).toMatch(/hint: .* bulla trust retire SERVICE --not-held$/m);
    const ended = await done('trust', 'retire', 'vault', '--not-held', '--yes');
    expect(ended.stdout).toBe(`✔ retired: ${lost.fingerprint} of ${VAULT}\n`);
    expect(ended.stderr).toContain(`retire   ${lost.fingerprint}: ${VAULT} signs with ${fingerprint}`);
    expect(await foundOfVault()).toMatchObject({ ok: true });
    expect((await done('demo')).stdout).toMatch(/^demo ok/m);
  }, 180_000);
});
