import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest, freePorts, placeTestCertificate, testCertificate } from '@bulla/testkit';
import type { TestCertificateName } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithRedis, startRedis, type TestRedis } from '../../packages/service-kit/test/redis-server.js';
import { bulla } from '../bulla-command.js';
import type { Deployment } from '../deploy-init.js';
import { deploymentIn, runInit } from '../deploy-init.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';

function requireDone({ status, stderr }: { status: number | null; stderr: string }): void {
  if (status !== 0) throw new Error(stderr);
}

// Vault and responder in processes of their own that speak TLS, by an authority that no system knows.

const database = await databaseForTest({ empty: true });
const withServers = database.url === undefined ? describe.skip : describeWithRedis;

withServers('an organisation whose services speak TLS, on PostgreSQL and Redis', () => {
  let folder: string;
  let deployment: Deployment;
  let redis: TestRedis;
  let vault: ServiceProcess | undefined;
  let responder: ServiceProcess | undefined;
  let client: { readonly BULLA_HOME: string; readonly BULLA_CA_FILE: string };
  const servers: Server[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-tls-'));
    redis = await startRedis();
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    deployment = {
      ...deploymentIn(folder),
      vaultUrl: `https://localhost:${vaultPort}`,
      responderUrl: `https://localhost:${responderPort}`,
    };
    const { services, home, vaultUrl, responderUrl } = deployment;
    const { certFile, keyFile, caFile } = placeTestCertificate(folder, 'here');
    client = { BULLA_HOME: home, BULLA_CA_FILE: caFile };
    const shared = {
      NODE_ENV: 'production',
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_REDIS_URL: redis.url,
      BULLA_TLS_CERT_FILE: certFile,
      BULLA_TLS_KEY_FILE: keyFile,
    };
    requireDone(runInit(deployment));
    vault = await startService('vault', {
      ...shared,
      BULLA_VAULT_PORT: String(vaultPort),
      BULLA_PUBLIC_URL: vaultUrl,
      BULLA_KEYS_FILE: join(services, 'vault/keys.json'),
      BULLA_AUDIT_MARKS: join(services, 'vault-marks/audit-marks'),
      BULLA_BOOTSTRAP_SECRET_FILE: join(services, 'vault/bootstrap.secret'),
    });
    requireDone(await bulla(['trust', 'renew'], client));
    const renewer = { ...client, BULLA_HOME: join(services, 'renew') };
    requireDone(await bulla(['trust', 'renew'], renewer));
    responder = await startService('responder', {
      ...shared,
      BULLA_CA_FILE: caFile,
      BULLA_RESPONDER_PORT: String(responderPort),
      BULLA_PUBLIC_URL: responderUrl,
      BULLA_VAULT_URL: vaultUrl,
      BULLA_KEYS_FILE: join(services, 'responder/keys.json'),
      BULLA_AUDIT_MARKS: join(services, 'responder-marks/audit-marks'),
      BULLA_PIN_FILE: join(services, 'responder/pin'),
    });
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await Promise.all([vault?.stop('SIGKILL'), responder?.stop('SIGKILL')]);
    await redis.drop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  /** Something else that speaks TLS with this certificate. */
  async function stranger(name: TestCertificateName): Promise<string> {
    const { cert, key } = testCertificate(name);
    const server = createServer({ cert, key }, (_request, response) => response.end());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `https://localhost:${portOf(server)}`;
  }
  const listAt = (url: string, settings: Record<string, string> = client) =>
    bulla(['prompt', 'list', '--url', url], settings);

  it('passes every step of the demo', async () => {
    const demo = await bulla(['demo'], client);
    expect(demo).toMatchObject({ status: 0 });
    expect(demo.stdout).toMatch(/^demo ok: \d+ checks of the answer passed, 7 attacks were refused$/m);
  });

  it('is told by doctor how long both certificates count', async () => {
    const { stdout } = await bulla(['doctor', '--json'], client);
    const findings = JSON.parse(stdout) as { name: string; ok: boolean; detail: string; data?: object }[];
    for (const name of ['vault certificate', 'responder certificate'])
      expect(findings.find((finding) => finding.name === name)).toMatchObject({
        ok: true,
        detail: expect.stringMatching(/^\d+ days left, by Bulla tests, known authority$/),
        data: { expires: '2120-01-01T00:00:00Z', days_left: expect.any(Number) },
      });
  });

  it.each([
    ['has expired', 'expired', 'its certificate has expired', 'its operator renews it'],
    [
      'is for another name',
      'elsewhere',
      'its certificate is for another name',
      'use a name that stands in the certificate',
    ],
    [
      'is by an authority that is not known',
      'strange',
      'its certificate is by an authority that is not known here',
      'BULLA_CA_FILE names ',
    ],
  ] as const)(
    'is not taken for a server whose certificate %s, which is said in one line',
    async (_what, name, why, hint) => {
      const url = await stranger(name);
      const { status, stderr } = await listAt(url);
      expect(stderr.split('\n')).toEqual([
        `bulla: error: cannot reach the vault at ${url}: ${why} (transport_failed)`,
        expect.stringContaining(`bulla: hint: ${hint}`),
        '',
      ]);
      expect(status).toBe(8);
    },
  );

  it('is not reached without the file of its authority, whose setting the hint names, nor with one of nothing', async () => {
    const url = await stranger('strange');
    const { stderr } = await listAt(url, { BULLA_HOME: client.BULLA_HOME });
    expect(stderr).toContain('BULLA_CA_FILE=ca.pem (docs/guide/tls.md)');
    expect(await listAt(url, { ...client, BULLA_CA_FILE: '/none' })).toMatchObject({
      status: 78,
      stderr: 'bulla: error: BULLA_CA_FILE: /none cannot be read as a PEM file of certificates\n',
    });
  });

  it('says where http was meant for https, and https for http', async () => {
    const http = deployment.vaultUrl.replace('https', 'http');
    const toTls = await listAt(http);
    expect(toTls).toMatchObject({ status: 8, stderr: expect.stringContaining('its address begins with https') });
    const metrics = Number(vault?.events('service-ready')[0]?.['metricsPort']);
    const toHttp = await listAt(`https://127.0.0.1:${metrics}`);
    expect(toHttp).toMatchObject({
      status: 8,
      stderr: expect.stringContaining('what answers there does not speak TLS'),
    });
  });
});
