import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Deployment } from '../deploy-init.js';
import { deploymentIn, runInit } from '../deploy-init.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';

const database = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

/** What deploy/compose.yaml does, in processes of this machine. */
withServer('an organisation of profile production', () => {
  let folder: string;
  let deployment: Deployment;
  let settings: { readonly vault: Record<string, string>; readonly responder: Record<string, string> };
  let vault: ServiceProcess | undefined;
  let responder: ServiceProcess | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-production-'));
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    deployment = deploymentIn(folder, vaultPort, responderPort);
    const shared = { NODE_ENV: 'production', BULLA_DATABASE_URL: database.url ?? '' };
    const { services, vaultUrl, responderUrl } = deployment;
    settings = {
      vault: {
        ...shared,
        BULLA_VAULT_PORT: String(vaultPort),
        BULLA_PUBLIC_URL: vaultUrl,
        BULLA_KEYS_FILE: join(services, 'vault/keys.json'),
        BULLA_AUDIT_MARKS: join(services, 'vault-marks/audit-marks'),
        BULLA_BOOTSTRAP_SECRET_FILE: join(services, 'vault/bootstrap.secret'),
      },
      responder: {
        ...shared,
        BULLA_RESPONDER_PORT: String(responderPort),
        BULLA_PUBLIC_URL: responderUrl,
        BULLA_VAULT_URL: vaultUrl,
        BULLA_KEYS_FILE: join(services, 'responder/keys.json'),
        BULLA_AUDIT_MARKS: join(services, 'responder-marks/audit-marks'),
        BULLA_PIN_FILE: join(services, 'responder/pin'),
        BULLA_LLM_API_KEY_FILE: '/dev/null',
      },
    };
  });
  afterAll(async () => {
    await Promise.all([vault?.stop('SIGKILL'), responder?.stop('SIGKILL')]);
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const command = (...args: string[]) => bulla(args, { BULLA_HOME: deployment.home });

  it('is made before the services, given to an empty vault by trust renew, and passes every step of the demo, also after its services were started anew', async () => {
    expect(runInit(deployment)).toMatchObject({ status: 0, stderr: '' });
    vault = await startService('vault', settings.vault);
    expect((await command('trust', 'show')).status).not.toBe(0);
    expect(await command('trust', 'renew')).toMatchObject({ status: 0 });
    expect((await command('trust', 'show')).stdout).toMatch(/^organisation +acme \(production\)$/m);

    // The renewer has a home of its own, and the owner's is left with its keys alone.
    const renewer = { BULLA_HOME: join(deployment.services, 'renew') };
    expect(await bulla(['trust', 'renew'], renewer)).toMatchObject({
      status: 0,
      stdout: 'directory version 1 and 0 labels are the newest\n',
    });
    expect((await command('trust', 'show')).stdout).toMatch(/^fresh +until \S+, by dev dev_\w+$/m);
    responder = await startService('responder', settings.responder);
    const first = await command('demo');
    expect(first.stdout).toMatch(/^demo ok: \d+ checks of the answer passed, 7 attacks were refused$/m);
    expect(first.stdout).toContain('under production root 1 of 1');
    expect(await Promise.all([vault?.stop(), responder.stop()])).toEqual([0, 0]);
    expect(runInit(deployment)).toMatchObject({ status: 0, stderr: '' });
    vault = await startService('vault', settings.vault);
    responder = await startService('responder', settings.responder);
    const second = await command('demo');
    expect(second.stdout).toMatch(/v1, there already, unchanged[\s\S]*^demo ok/m);
    expect((await command('trust', 'renew')).stderr).toContain('nothing is about to expire');
    expect((await bulla(['trust', 'renew'], renewer)).stdout).toMatch(
      /^directory version 1 and \d labels are the newest$/m,
    );
  });
});
