import { createServer, type Server } from 'node:http';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DirectoryDocument } from '@bulla/crypto';
import {
  generateKeyPair,
  loadSigner,
  mintId,
  nextChain,
  parseDirectory,
  privateJwkSchema,
  signDocument,
  timestampOf,
  urnOf,
} from '@bulla/crypto';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Ended } from '../bulla-process.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';
import { inOrder } from '../in-order.js';

// [red] Somebody copied `directory.key`. Until the root was due, everything that the copy signed counted for everybody.

const database = await databaseForTest();
/** Services that run on their own need a server. */
const withServer = database.url === undefined ? describe.skip : describe;

const ok = (ended: Ended): Ended => {
  expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
  return ended;
};
const EXPECT = /--yes --expect sha256:\S+/;

withServer('a stolen key of the directory', () => {
  let folder: string;
  let home: string;
  let settings: Record<string, string>;
  let services: ServiceProcess[];
  let vaultUrls: string[];
  let startResponder: (port: number, vaultUrl: string) => Promise<ServiceProcess>;
  let liar: Server | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-stolen-'));
    home = join(folder, 'home');
    settings = { BULLA_HOME: home };
    const ports = await freePorts(4);
    const [vaultPort = 0, otherVaultPort = 0, responderPort = 0, otherResponderPort = 0] = ports;
    vaultUrls = [vaultPort, otherVaultPort].map((port) => `http://127.0.0.1:${port}`);
    const [vaultUrl = ''] = vaultUrls;
    const urls = ['--vault-url', vaultUrl, '--responder-url', `http://127.0.0.1:${responderPort}`];
    ok(await bulla(['init', '--production', '--org', 'acme', ...urls], settings));
    const startVault = (port: number) =>
      startService('vault', {
        BULLA_DATABASE_URL: database.url ?? '',
        BULLA_KEYS_FILE: join(home, 'services/vault.keys.json'),
        BULLA_AUDIT_MARKS: join(home, 'audit/vault'),
        BULLA_BOOTSTRAP_SECRET_FILE: join(home, 'bootstrap.secret'),
        BULLA_VAULT_PORT: String(port),
        BULLA_PUBLIC_URL: vaultUrl,
      });
    services = [await startVault(vaultPort)];
    ok(await bulla(['trust', 'renew'], settings));
    services.push(await startVault(otherVaultPort));
    const { pin } = JSON.parse(await readFile(join(home, 'profile.json'), 'utf8')) as { pin: string };
    startResponder = (port, url) =>
      startService('responder', {
        BULLA_DATABASE_URL: database.url ?? '',
        BULLA_KEYS_FILE: join(home, 'services/responder.keys.json'),
        BULLA_AUDIT_MARKS: join(home, 'audit/responder'),
        BULLA_VAULT_URL: url,
        BULLA_PIN: pin,
        BULLA_RESPONDER_PORT: String(port),
      });
    services.push(await startResponder(responderPort, vaultUrl), await startResponder(otherResponderPort, vaultUrl));
    await writeFile(join(folder, 'triage.md'), 'Sort this claim by urgency.\n\n{{claim}}\n');
    ok(
      await bulla(
        ['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md'), '--label', 'production'],
        settings,
      ),
    );
    ok(await run());
  });
  afterAll(async () => {
    liar?.close();
    await Promise.all(services.map((service) => service.stop()));
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  });

  const run = () => bulla(['run', 'claims/triage', '--var', 'claim=Water is flowing. It is urgent.'], settings);
  const thief = async () =>
    loadSigner(privateJwkSchema.parse(JSON.parse(await readFile(join(folder, 'stolen.key'), 'utf8'))), 'Ed25519');
  const servedDirectory = async (url = vaultUrls[0] ?? '') =>
    (await fetch(`${url}/.well-known/bulla/acme/directory.json`)).text();
  /** What the thief signs: the newest directory with a device of their own, or only a later one. */
  async function forged(change: (draft: DirectoryDocument) => void = () => undefined): Promise<string> {
    const { payload, hash } = await parseDirectory(await servedDirectory());
    const now = Math.floor(Date.now() / 1000);
    const draft = structuredClone({ ...payload, version: payload.version + 1, prev: hash });
    draft.chain = await nextChain(payload.chain ?? '', hash);
    Object.assign(draft, { issued: timestampOf(now), expires: timestampOf(now + 86_400) });
    change(draft);
    return signDocument(draft, [await thief()]);
  }
  const publish = async (directory: string): Promise<Ended> => {
    const { version } = (await parseDirectory(directory)).payload;
    await writeFile(join(folder, 'body.json'), JSON.stringify({ directory }));
    const path = '/api/v1/organisations/acme/directory';
    return bulla(
      ['api', 'PUT', path, '--input', join(folder, 'body.json'), '--if-match', String(version - 1)],
      settings,
    );
  };
  const signed = async (command: string, ...args: string[]) => {
    const shown = await bulla(['trust', command, ...args], settings);
    expect({ ...shown, stderr: EXPECT.exec(shown.stderr) === null ? shown.stderr : '' }).toMatchObject({ stderr: '' });
    const [agreed = ''] = EXPECT.exec(shown.stderr) ?? [];
    return { shown, done: ok(await bulla(['trust', command, ...args, ...agreed.split(' ')], settings)) };
  };

  inOrder([
    { name: 'counts, until it is replaced: the vault takes what the thief signs', run: countsBefore },
    { name: 'is replaced by three commands while runs go on, and none of them fails', run: isReplaced },
    { name: 'is refused by the vault from then on, under the new root and under the old one', run: vaultRefuses },
    { name: 'is refused by a client and by a responder whose vault serves what it signed', run: othersRefuse },
    { name: 'is needed for nothing: who signs goes on with the new one', run: goesOn },
    { name: 'is replaced all the same where the thief has revoked everybody', run: isReplacedFromOutside },
  ]);

  async function countsBefore(): Promise<void> {
    await copyFile(join(home, 'org/acme/directory.key'), join(folder, 'stolen.key'));
    ok(await publish(await forged((draft) => draft.kept.push('A'.repeat(43)))));
    ok(await run());
  }

  async function isReplaced(): Promise<void> {
    const runs: Ended[] = [];
    const over = new AbortController();
    const running = (async () => {
      while (!over.signal.aborted) runs.push(await run());
      for (let more = 0; more < 3; more++) runs.push(await run());
    })();
    const file = join(folder, 'root-2.proposal');
    const why = ['--why', 'directory.key was stolen'];
    ok(await bulla(['trust', 'root', 'propose', '--replace', 'directory', ...why, '-o', file], settings));
    const { shown } = await signed('cosign', file);
    expect(shown.stderr).toMatch(/^why: directory\.key was stolen$/m);
    expect(shown.stderr).toMatch(/^ {2}directory: key \S{39} comes$/m);
    expect(shown.stderr).toMatch(/^ {2}directory: key \S{39} goes, and what it signs counts no more$/m);
    const published = ok(await bulla(['trust', 'publish', file], settings));
    expect(published.stdout).toContain('published: root version 2, policy version 2, directory version 3');
    over.abort();
    await running;
    expect(runs.filter(({ status }) => status !== 0)).toEqual([]);
    expect(runs.length).toBeGreaterThan(3);
    expect(await readFile(join(home, 'org/acme/directory.key'), 'utf8')).not.toBe(
      await readFile(join(folder, 'stolen.key'), 'utf8'),
    );
    expect(await servedDirectory(vaultUrls[1])).toBe(await servedDirectory());
  }

  async function vaultRefuses(): Promise<void> {
    for (const root_version of [1, 2]) {
      const refused = await publish(await forged((draft) => Object.assign(draft, { root_version })));
      expect([root_version, refused.status === 0, /signature_invalid|version_conflict/.test(refused.stderr)]).toEqual([
        root_version,
        false,
        true,
      ]);
    }
  }

  async function othersRefuse(): Promise<void> {
    const directory = await forged();
    liar = createServer((request, response) => {
      const answer = async () => {
        const from = await fetch(`${vaultUrls[0]}${request.url}`);
        const isDirectory = request.url === '/.well-known/bulla/acme/directory.json';
        response.writeHead(from.status).end(isDirectory ? directory : Buffer.from(await from.arrayBuffer()));
      };
      void answer();
    });
    await new Promise<void>((resolve) => liar?.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
    const shown = await bulla(['--url', url, 'trust', 'show'], settings);
    expect([shown.status === 0, shown.stderr]).toEqual([false, expect.stringContaining('directory-signatures')]);
    const [port = 0] = await freePorts(1);
    const responder = await startResponder(port, url);
    services.push(responder);
    while (responder.events('trust-not-loaded').length === 0) await fetch(`${responder.url}/health/ready`);
    expect(responder.events('trust-not-loaded')[0]).toMatchObject({ code: 'signature_invalid' });
    expect(responder.events('trust-loaded')).toEqual([]);
  }

  async function goesOn(): Promise<void> {
    ok(await bulla(['policy', 'set', '--chat', 'grp:authors', '--yes'], settings));
    ok(await bulla(['trust', 'renew'], settings));
    ok(await run());
    // Each of the three documents is on record, with the request that brought it.
    ok(await bulla(['audit', 'verify'], settings));
  }

  async function isReplacedFromOutside(): Promise<void> {
    await copyFile(join(home, 'org/acme/directory.key'), join(folder, 'stolen.key'));
    const { kid, alg, publicJwk } = await generateKeyPair('p256', 'sig');
    const now = Math.floor(Date.now() / 1000);
    const life = { nbf: now - 60, use_until: now + 30 * 86_400, end: now + 30 * 86_400 };
    const key = {
      kid,
      use: 'sig' as const,
      alg,
      suite: 'p256' as const,
      pur: ['http' as const],
      ...life,
      jwk: publicJwk,
    };
    const [person, device] = [urnOf('acme', 'user', mintId('usr')), urnOf('acme', 'dev', mintId('dev'))];
    const locking = await forged((draft) => {
      for (const { kind, keys } of Object.values(draft.entities))
        if (kind === 'device')
          for (const one of keys) draft.revoked.push({ kid: one.kid, reason: 'keyCompromise', at: now });
      draft.entities[device] = { kind: 'device', user: person, roles: ['owner'], groups: [], keys: [key] };
    });
    ok(await publish(locking));
    expect((await run()).status).not.toBe(0);

    const file = join(folder, 'root-3.proposal');
    const propose = ['trust', 'root', 'propose', '--replace', 'directory'];
    ok(await bulla([...propose, '-o', join(folder, 'without.proposal')], settings));
    ok(await bulla([...propose, '--own-device', '--why', 'a thief has revoked us all', '-o', file], settings));
    const { shown } = await signed('cosign', file);
    expect(shown.stderr).toMatch(/key \S{39} for http invoke content tag comes/);
    const published = ok(await bulla(['trust', 'publish', file], settings));
    expect(published.stdout).toContain('published: root version 3');
    ok(await bulla(['device', 'revoke', device, '--reason', 'keyCompromise', '--yes'], settings));
    const text = join(folder, 'triage.md');
    ok(await bulla(['prompt', 'push', 'claims/anew', '-f', text, '--label', 'production'], settings));
    ok(await bulla(['run', 'claims/anew', '--var', 'claim=Water is flowing. It is urgent.'], settings));
    ok(await bulla(['audit', 'verify'], settings));
    const again = await bulla([...propose, '--own-device', '-o', join(folder, 'no.proposal')], settings);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('lets this device in as an owner')]);
  }
});
