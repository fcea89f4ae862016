import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { environment } from './bulla-process.js';

const repository = resolve(import.meta.dirname, '..');
const SERVICES = ['vault', 'responder', 'vault-marks', 'responder-marks', 'renew', 'postgres', 'redis'];

/** The folders that are volumes in a deployment. */
export interface Deployment {
  readonly home: string;
  readonly services: string;
  readonly vaultUrl: string;
  readonly responderUrl: string;
}

/** Makes the folders of a deployment of `acme`. */
export function deploymentIn(folder: string, vaultPort = 4100, responderPort = 4200): Deployment {
  const services = join(folder, 'services');
  for (const name of SERVICES) mkdirSync(join(services, name), { recursive: true });
  return {
    home: join(folder, 'operator'),
    services,
    vaultUrl: `http://127.0.0.1:${vaultPort}`,
    responderUrl: `http://127.0.0.1:${responderPort}`,
  };
}

/** Runs the script of the first container, with the command of this build. */
export function runInit({ home, services, vaultUrl, responderUrl }: Deployment) {
  const { status, stdout, stderr } = spawnSync('sh', [join(repository, 'deploy/init.sh')], {
    encoding: 'utf8',
    env: environment({
      PATH: [dirname(process.execPath), join(repository, 'node_modules/.bin'), process.env['PATH']].join(':'),
      BULLA_HOME: home,
      SERVICES: services,
      ORGANISATION: 'acme',
      VAULT_URL: vaultUrl,
      RESPONDER_URL: responderUrl,
    }),
  });
  return { status, stdout, stderr: status === 0 ? '' : stderr };
}
