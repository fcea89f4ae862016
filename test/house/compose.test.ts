import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readSettings } from '@bulla/service-kit';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { repository } from '../../scripts/workspaces.mjs';
import { runTool } from './tool.js';

interface ComposeService {
  readonly build?: { readonly dockerfile: string };
  readonly image: string;
  readonly user?: string;
  readonly restart: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
}
interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: object;
}

const read = (file: string) => readFileSync(`${repository}/deploy/${file}`, 'utf8');
const text = read('compose.yaml');
const { services, networks, volumes } = parse(text, { merge: true }) as Compose;
const example = Object.fromEntries([...read('example.env').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, k, v]) => [k, v]));
const images = ['vault', 'responder', 'cli'];

/** Which services mount a volume. */
const mountersOf = (volume: string) =>
  Object.keys(services).filter((name) => services[name]?.volumes?.some((mount) => mount.startsWith(`${volume}:`)));

describe('compose.yaml', () => {
  it.each(Object.keys(services))('lets %s do nothing that it need not', (name) => {
    expect(services[name]).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: 256,
      mem_limit: '512m',
      memswap_limit: '512m',
      ulimits: { core: 0 },
      logging: { driver: 'local' },
    });
    for (const power of ['privileged', 'cap_add', 'devices', 'pid', 'ipc', 'env_file'])
      expect(services[name]).not.toHaveProperty(power);
  });

  it('runs everybody as an ordinary user, and watches over whoever stays', () => {
    const found = Object.entries(services).map(([name, { build, image, user, restart, healthcheck }]) => {
      const own = images.find((candidate) => image === `bulla-${candidate}`);
      const dockerfile = own === undefined ? '' : read(`${own}.Dockerfile`);
      return {
        name,
        user: user ?? /^USER (.+)$/m.exec(dockerfile)?.[1],
        builtBy: build?.dockerfile,
        restart,
        isWatched: healthcheck !== undefined || /^HEALTHCHECK /m.test(dockerfile),
      };
    });
    const stays = { restart: 'unless-stopped', isWatched: true };
    const ends = { restart: 'no', isWatched: false };
    expect(found).toEqual([
      { name: 'init', user: '10001:10001', builtBy: 'deploy/cli.Dockerfile', ...ends },
      { name: 'vault', user: '10001:10001', builtBy: 'deploy/vault.Dockerfile', ...stays },
      { name: 'publish', user: '10001:10001', builtBy: undefined, ...ends },
      { name: 'renew', user: '10001:10001', builtBy: undefined, ...stays },
      { name: 'responder', user: '10001:10001', builtBy: 'deploy/responder.Dockerfile', ...stays },
      { name: 'cli', user: '10001:10001', builtBy: undefined, ...ends },
      { name: 'postgres', user: '999:999', builtBy: undefined, ...stays },
      { name: 'redis', user: '999:999', builtBy: undefined, ...stays },
    ]);
  });

  it('opens vault and responder to this machine, and nothing else to anybody', () => {
    const ports = Object.entries(services).flatMap(([name, service]) =>
      (service.ports ?? []).map((port) => [name, port]),
    );
    expect(ports).toEqual([
      ['vault', '127.0.0.1:4100:4100'],
      ['responder', '127.0.0.1:4200:4200'],
    ]);
    expect(networks['stores']).toEqual({ internal: true });
    expect(services['postgres']?.networks).toEqual(['stores']);
    expect(services['redis']?.networks).toEqual(['stores']);
  });

  it('shows each service what it alone may read, and nobody but their owner the keys of the organisation', () => {
    const mounted = Object.fromEntries(Object.keys(volumes).map((volume) => [volume, mountersOf(volume)]));
    expect(mounted).toEqual({
      operator: ['init', 'publish', 'cli'],
      'vault-files': ['init', 'vault'],
      'responder-files': ['init', 'responder'],
      'renew-files': ['init', 'renew'],
      'postgres-files': ['init', 'postgres'],
      'redis-files': ['init', 'redis'],
      'postgres-data': ['postgres'],
      'vault-marks': ['init', 'vault'],
      'responder-marks': ['init', 'responder'],
    });
    for (const name of ['vault', 'responder'])
      expect(services[name]?.volumes).toEqual([`${name}-files:/run/bulla:ro`, `${name}-marks:/var/lib/bulla`]);
  });

  it('starts the responder when a renewer has called the directory the newest, and gives the renewer no other keys', () => {
    const { renew, responder } = services;
    expect(renew).toMatchObject({
      command: ['trust', 'renew', '--every', '1h'],
      depends_on: { publish: { condition: 'service_completed_successfully' } },
    });
    expect(renew?.volumes).toEqual(['renew-files:/renew']);
    expect(responder).toMatchObject({ depends_on: { renew: { condition: 'service_healthy' } } });
  });

  it('says every secret by a file, and only settings that exist', () => {
    const settings = Object.values(services).flatMap(({ environment }) => Object.entries(environment ?? {}));
    const ours = settings.filter(([name]) => name.startsWith('BULLA_'));
    expect(ours.length).toBeGreaterThan(10);
    for (const [name] of ours) expect(() => readSettings({}, { [name]: '' })).not.toThrow();
    expect(() => readSettings({}, { BULLA_KEY_FILE: '' })).toThrow(/BULLA_KEY_FILE .*not a setting of Bulla/);
    // A root key's setting names a place.
    const secret = /SECRET|PASSWORD|(?<!ROOT_)KEY|PIN|DATABASE_URL|REDIS_URL/;
    const places = settings.filter(([name]) => name.startsWith('BULLA_ROOT_KEY')).map(([, place]) => place);
    expect(places).toEqual(places.map(() => expect.stringMatching(/^file:\/run\/bulla\/[a-z-]+\.key$/)));
    expect(settings.map(([name]) => name).filter((name) => secret.test(name) && !name.endsWith('_FILE'))).toEqual([]);
    expect(settings.filter(([name]) => secret.test(name)).length).toBeGreaterThan(8);
  });

  it('needs nothing that the example does not give, and the example gives nothing else', () => {
    const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)[:}]/g)].map(([, name]) => name));
    asked.delete('NPMRC_FILE');
    expect(new Set(Object.keys(example))).toEqual(asked);
    const empty = Object.entries(example).filter(([, value]) => value === '');
    expect(empty.map(([name]) => name)).toEqual(['TRUST_PROXY', 'LLM_MODEL', 'LLM_TIMEOUT_MS']);
  });
});

const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0;
(hasCompose ? describe : describe.skip)('Docker Compose', () => {
  const config = (env: string) =>
    runTool('docker', ['compose', '--file', 'deploy/compose.yaml', '--env-file', env, 'config', '--quiet']);

  it('takes the file with the example as it stands', () => {
    expect(config('deploy/example.env')).toMatchObject({ status: 0, text: '' });
  });

  it('says what to do without settings', () => {
    expect(config('/dev/null').text).toMatch(/copy example\.env to \.env/);
  });
});

describe.each(images)('the image of the %s', (name) => {
  const dockerfile = read(`${name}.Dockerfile`);
  const [build = '', runtime = '', ...more] = dockerfile.split(/^FROM .*$/m).slice(1);

  it('is built in one stage and runs in another, without what only building needs', () => {
    expect(more).toEqual([]);
    expect(dockerfile).toMatch(/^FROM \$\{NODE_IMAGE\} AS build$/m);
    expect(dockerfile).toMatch(/^FROM \$\{BASE_IMAGE\}$/m);
    expect(build.match(/npm ci --ignore-scripts .*/g)).toEqual([
      expect.stringContaining('--include-workspace-root'),
      expect.stringContaining('--omit=dev'),
    ]);
    expect(runtime).not.toMatch(/\bnpm\b|apt-get|COPY (?!--from=build)/);
  });

  it('gets npm its configuration as a secret, and names no address', () => {
    const runs = build.match(/^RUN .*$/gm) ?? [];
    expect(runs).toHaveLength(2);
    for (const run of runs) expect(run).toContain('--mount=type=secret,id=npmrc,target=/root/.npmrc');
    expect(dockerfile.match(/https?:\/\/(?!127\.0\.0\.1)/g)).toBeNull();
    expect(dockerfile).not.toMatch(/^ARG .*(TOKEN|SECRET|PASSWORD)/im);
  });

  it('runs as an ordinary user, ends in order, and has its threads counted', () => {
    expect(runtime).toMatch(/^USER 10001:10001$/m);
    expect(runtime).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(runtime).toMatch(/^ENV .*\bUV_THREADPOOL_SIZE=\d/m);
  });
});

describe.each(['vault', 'responder'])('the image of the %s as a service', (name) => {
  const dockerfile = read(`${name}.Dockerfile`);

  it('is for production, and healthy when the service is ready', () => {
    expect(dockerfile).toMatch(/^ENV NODE_ENV=production /m);
    expect(dockerfile).toMatch(/'https' : 'http'.*\/health\/ready'/);
    expect(dockerfile.trimEnd()).toMatch(new RegExp(`^CMD \\["node", "services/${name}/dist/main\\.js"\\]$`, 'm'));
  });
});
