import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Unsealing } from '@bulla/contract';
import type { SealingKey, ShareClaims } from '@bulla/crypto';
import {
  encodeBase64url,
  fingerprint,
  generateKeyPair,
  loadSigner,
  parseShare,
  randomBytes,
  sealShare,
  Secret,
  utf8,
} from '@bulla/crypto';
import { dealShares } from '@bulla/crypto/open';
import type { DealtShares } from '@bulla/crypto/open';
import type { Service } from '@bulla/service-kit';
import { EventLog } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { folderForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import request from 'supertest';
import { Keyring } from '../src/managed/keyring/keyring.js';
import { RootKeys } from '../src/managed/root-key/root-keys.js';
import { openShamirRootKey } from '../src/managed/root-key/shamir-root-key.js';
import { bodyOf, mintId, must } from './authoring.js';
import type { TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

// A root key in shares: the vault starts sealed, people bring shares, and each wrong one is refused for what it is.

const COUNTS = { shares: 5, threshold: 3 };
const WRAP = { org: 'acme', sub: '', ver: 1, dek: `dek_${'0'.repeat(32)}`, chash: 'A'.repeat(43) };

let vault: TestVault;
let dealt: DealtShares;
let root: string;
let setFile: string;
/** What the root keys of all processes said. */
const lines: string[] = [];

beforeAll(async () => {
  vault = await startVault();
  // It was begun with a root key in a file.
  await sql`truncate vault.root_key, vault.vault_process cascade`.execute(vault.database.db);
  const key = new Secret(randomBytes(32));
  dealt = await dealShares(key, COUNTS, vault.clock.now());
  root = encodeBase64url(key.reveal());
  setFile = setFileOf(dealt.file);
});
afterAll(() => vault.stop());

function setFileOf(text: string): string {
  const path = join(folderForTest('set'), 'set.json');
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

/** A process of the vault that begins, with its root key in shares. */
class Process {
  readonly service: Service;
  readonly roots: RootKeys;

  private constructor(service: Service, roots: RootKeys) {
    this.service = service;
    this.roots = roots;
  }

  static async start(path = setFile): Promise<Process> {
    const roots = new RootKeys({
      settings: { current: `shamir:${path}` },
      place: { production: false, dataFolders: [] },
      log: new EventLog({ service: 'vault', stream: { write: (line) => void lines.push(line) } }),
    });
    await roots.look(vault.database.db);
    return new Process(await vault.startReplica({ rootKeys: roots }), roots);
  }

  as(member: TestVault['acme']['owner'] = vault.acme.owner): SignedClient {
    return new SignedClient(this.service, member, { now: () => vault.clock.now(), contract });
  }

  async state(): Promise<Unsealing> {
    return bodyOf<Unsealing>(must(200, await this.as().get('/api/v1/unsealing')));
  }

  async keyForShares(): Promise<SealingKey> {
    const { kid, jwk } = (await this.state()).key;
    return { kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk };
  }

  async give(share: string, idempotencyKey = mintId('env')) {
    return this.send(await sealShare(share, await this.keyForShares()), idempotencyKey);
  }

  send(share: string, idempotencyKey = mintId('env')) {
    return this.as().send('POST', '/api/v1/unsealing/shares', { body: { share }, idempotencyKey });
  }

  async ready() {
    const { status, body } = await request(this.service.app.getHttpServer()).get('/health/ready');
    return { status, body: body as { status: string; checks: { name: string; ok: boolean }[] } };
  }

  /** The answer of a moment ago is good for half a second. */
  async untilReady(): Promise<void> {
    while ((await this.ready()).status !== 200) await pause(100);
  }

  wrap() {
    const sub = `urn:bulla:acme:prompt:${mintId('prm')}`;
    return this.service.app.get(Keyring, { strict: false }).wrap(new Uint8Array(32), { ...WRAP, sub });
  }

  async unseal(): Promise<void> {
    for (const share of dealt.shares.slice(0, 3)) must(200, await this.give(share));
  }
}

const share = (index: number) => dealt.shares[index - 1] ?? '';
const signedBy = async (claims: ShareClaims, kid: string) => {
  const pair = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(pair.privateJwk, 'Ed25519');
  const input = [{ alg: 'Ed25519', typ: 'bulla-share+jws', kid }, claims]
    .map((part) => encodeBase64url(utf8(JSON.stringify(part))))
    .join('.');
  return `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`;
};

describe('a vault whose root key is in shares', () => {
  let one: Process;
  beforeAll(async () => {
    one = await Process.start();
  });

  it('starts sealed: it says so, and does what needs no root key', async () => {
    expect(await one.state()).toMatchObject({ sealed: true, given: [], set: dealt.set.id, ...COUNTS });
    const { status, body } = await one.ready();
    expect([status, body.status]).toEqual([423, 'sealed']);
    expect(body.checks).toContainEqual({ name: 'root-key', ok: false });
    const made = await one
      .as(vault.acme.author)
      .post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/while-sealed', type: 'text' });
    expect(made.status).toBe(201);
    await expect(one.wrap()).rejects.toMatchObject({ code: 'sealed', status: 423 });
  });

  it('shows in its log the fingerprint of the key that shares are sealed to', async () => {
    const { kid } = await one.keyForShares();
    const said = lines.filter((line) => line.includes('vault-sealed')).map((line) => JSON.parse(line) as object);
    expect(said).toContainEqual(
      expect.objectContaining({ fingerprint: fingerprint(kid), threshold: 3, level: 'warn' }),
    );
  });

  it('is unsealed by the last of as many as are needed, whoever of the admins brings which', async () => {
    expect(bodyOf<Unsealing>(must(200, await one.give(share(4))))).toMatchObject({ sealed: true, given: [4] });
    expect(bodyOf<Unsealing>(must(200, await one.give(share(1))))).toMatchObject({ sealed: true, given: [1, 4] });
    expect(bodyOf<Unsealing>(must(200, await one.give(share(5))))).toMatchObject({ sealed: false, given: [] });
    await one.untilReady();
    expect(await one.wrap()).toMatchObject({ kekVersion: 1 });
    expect(await one.state()).toMatchObject({ sealed: false, given: [] });
  });

  it('takes no further share then [guard: unseal-done]', async () => {
    const done = await Process.start();
    await done.unseal();
    const refused = await done.give(share(5));
    expect([refused.status, refused.body]).toEqual([
      412,
      expect.objectContaining({ code: 'version_conflict', detail: 'this process has its root key already' }),
    ]);
  });

  it('leaves its other processes sealed, which are unsealed by themselves', async () => {
    const two = await Process.start();
    expect(await two.state()).toMatchObject({ sealed: true, given: [] });
    expect(await one.state()).toMatchObject({ sealed: false });
    const holders = () => one.roots.repository.holders(one.roots.held[0]?.kid ?? '');
    const before = await holders();
    await two.unseal();
    expect(await holders()).toEqual({ with: before.with + 1, without: before.without - 1 });
    expect(await two.wrap()).toMatchObject({ kekVersion: 1 });
  });

  it('writes no share and no key into its log, its database, or an answer', async () => {
    const rows = JSON.stringify(await tables());
    const values = dealt.shares.flatMap((text) => [text, parseShare(text).claims.value]);
    for (const secret of [root, ...values]) {
      expect(rows).not.toContain(secret);
      expect([...vault.log, ...lines].join('')).not.toContain(secret);
    }
  });

  it('starts with no other set than that of its keys', async () => {
    const other = await dealShares(new Secret(randomBytes(32)), COUNTS, vault.clock.now());
    await expect(Process.start(setFileOf(other.file))).rejects.toMatchObject({ name: 'RootKeyRefused' });
  });
});

/** What of an act may be kept: entries of the audit log, and answers for retries. */
async function tables(): Promise<unknown[]> {
  const { db } = vault.database;
  const [waiting, answers, kept] = [
    await db.selectFrom('audit_outbox').selectAll().execute(),
    await db.selectFrom('idempotency').selectAll().execute(),
    await db.selectFrom('root_key').selectAll().execute(),
  ];
  const leaves = waiting.map(({ leaf, evidence }) => [Buffer.from(leaf).toString('utf8'), evidence]);
  expect(JSON.stringify(leaves)).toContain('unsealing.give');
  return [leaves, answers, kept];
}

describe('a share is refused, and nothing changes,', () => {
  let one: Process;
  beforeEach(async () => {
    one = await Process.start();
    must(200, await one.give(share(2)));
  });

  async function refusal(response: Promise<{ status: number; body: unknown }>) {
    const { status, body } = await response;
    expect(await one.state()).toMatchObject({ sealed: true, given: [2] });
    const { code, detail, errors } = body as { code: string; detail?: string; errors?: { message: string }[] };
    return [status, code, detail ?? errors?.[0]?.message];
  }

  it('that came already [guard: unseal-twice]', async () => {
    expect(await refusal(one.give(share(2)))).toEqual([
      412,
      'version_conflict',
      'this process was given share 2 already',
    ]);
  });

  it('of another set', async () => {
    const other = await dealShares(new Secret(randomBytes(32)), COUNTS, vault.clock.now());
    expect(await refusal(one.give(other.shares[0] ?? ''))).toEqual([
      400,
      'validation_failed',
      'the share is of another set',
    ]);
  });

  it('of which another number is needed', async () => {
    const lowered = await Process.start(setFileOf(dealt.file.replace('"threshold":3', '"threshold":2')));
    const refused = await lowered.give(share(1));
    expect([refused.status, refused.body]).toEqual([400, expect.objectContaining({ code: 'validation_failed' })]);
    expect(JSON.stringify(refused.body)).toContain('one of 5 of which 3 are needed, the set has 5 and needs 2');
    expect(await lowered.state()).toMatchObject({ sealed: true, given: [] });
  });

  it('that its dealer did not sign', async () => {
    const forged = await signedBy(parseShare(share(3)).claims, dealt.set.id);
    const message = 'the signature of the bulla-share+jws is not valid';
    expect(await refusal(one.give(forged))).toEqual([400, 'validation_failed', message]);
  });

  it('that is sealed to another process, or to the key of before a restart', async () => {
    const other = await Process.start();
    const sealed = await sealShare(share(3), await other.keyForShares());
    expect(await refusal(one.send(sealed))).toEqual([
      412,
      'version_conflict',
      expect.stringMatching(/key of another process/),
    ]);
  });

  it('that does not open, with one word', async () => {
    const parts = (await sealShare(share(3), await one.keyForShares())).split('.');
    const tampered = parts.with(4, encodeBase64url(randomBytes(16))).join('.');
    expect(await refusal(one.send(tampered))).toEqual([400, 'open_failed', undefined]);
  });

  it('that is no sealed share', async () => {
    expect(await refusal(one.send(share(3)))).toEqual([400, 'validation_failed', 'must be a sealed share']);
  });

  it('brought by somebody who is no admin', async () => {
    const body = { share: await sealShare(share(3), await one.keyForShares()) };
    const brought = one
      .as(vault.acme.author)
      .send('POST', '/api/v1/unsealing/shares', { body, idempotencyKey: mintId('env') });
    expect(await refusal(brought)).toEqual([403, 'forbidden', undefined]);
  });

  it('once too many were tried within a minute [guard: unseal-tries]', async () => {
    for (let tries = 1; tries < 20; tries += 1) await refusal(one.give(share(2)));
    expect((await refusal(one.give(share(3)))).slice(0, 2)).toEqual([429, 'rate_limited']);
    vault.clock.advance(61);
    expect((await refusal(one.give(share(2)))).slice(0, 2)).toEqual([412, 'version_conflict']);
  });

  it('but its retry gets the same answer, and is not a second one', async () => {
    const sealed = await sealShare(share(3), await one.keyForShares());
    const key = mintId('env');
    const [first, again] = [must(200, await one.send(sealed, key)), must(200, await one.send(sealed, key))];
    expect(again.body).toEqual(first.body);
    expect(await one.state()).toMatchObject({ sealed: true, given: [2, 3] });
  });
});

describe('a set of shares', () => {
  it('is not read from a file that others can write [guard: share-set-mode]', async () => {
    const path = join(folderForTest('open-set'), 'set.json');
    writeFileSync(path, dealt.file, { mode: 0o644 });
    chmodSync(path, 0o666);
    await expect(openShamirRootKey(path)).rejects.toThrow(/whose shares count: chmod 644/);
  });

  it.each([
    ['what is no set', '{}', /not a set of shares/],
    ['a share in its place', 'a.b.c', /not a set of shares/],
  ])('is not %s', async (_name, text, message) => {
    await expect(openShamirRootKey(setFileOf(text))).rejects.toThrow(message);
  });

  it('is asked for by a whole path, and may not be there yet', async () => {
    await expect(openShamirRootKey('set.json')).rejects.toThrow(/not a whole path/);
    expect(await openShamirRootKey('/nowhere/set.json')).toBeUndefined();
  });
});
