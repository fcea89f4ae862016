import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadSigner } from '@bulla/crypto';
import { noteKeyOf, originOf, pinInOrigin, signCheckpoint } from '@bulla/crypto/log';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

// Witnesses beside real services: made, named by the policy, asked for by verify.

/** Origins of the two logs. */
let vaultLog: string;
let responderLog: string;
let world: World;
let running: Running;
let first: string;
let second: string;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  const { pin } = JSON.parse(await readFile(world.path('home/profile.json'), 'utf8')) as { pin: string };
  const originIn = (id: string) => originOf({ urn: `urn:bulla:dev:svc:${id}`, number: 1, pin: pinInOrigin(pin) });
  [vaultLog, responderLog] = [originIn('vault'), originIn('responder:local')];
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  await world.done(['run', 'claims/triage', '--var', 'claim=Water.']);
  [first, second] = [await made('w1'), await made('w2')];
  await bothSigned();
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** Waits until vault and responder have signed something. */
async function bothSigned(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const ended = await world.bulla(['audit', 'verify']);
    // Before the first checkpoint there is no log to verify, which is told as evidence that is not there.
    if (ended.code === 0 && checksOf(ended).length === 2) return;
    await pause(100);
  }
  throw new Error('no log was signed in ten seconds');
}

async function made(name: string): Promise<string> {
  const { stdout } = await world.done([
    'audit',
    'witness',
    '--init',
    `witness.example/${name}`,
    '--folder',
    folder(name),
  ]);
  expect(stdout).toMatch(new RegExp(`^witness\\.example/${name}\\+[0-9a-f]{8}\\+B[\\w+/]{43}\\n$`));
  return stdout.trim();
}
const folder = (name: string) => world.path(name);
const witness = (name: string, ...options: string[]) =>
  world.bulla(['audit', 'witness', '--folder', folder(name), ...options]);
async function nameThem(quorum: number, ...keys: string[]): Promise<void> {
  const { stdout } = await world.done(['policy', 'show']);
  const settings = { ...(JSON.parse(stdout) as object), witnesses: { quorum, keys } };
  await world.done(['policy', 'set', await world.file('policy.json', JSON.stringify(settings)), '--yes']);
  // A responder asks for newer documents each minute, or when it is shown an envelope under them.
  await world.done(['run', 'claims/triage', '--var', 'claim=Fire.']);
}
const checksOf = ({ stdout }: Ended) =>
  stdout
    .split('\n')
    .filter((line) => /^. witnesses /.test(line))
    .map((line) => line.replaceAll(/\s+/g, ' '));

describe('a witness', () => {
  it('signs nothing before the policy names it', async () => {
    const { code, stderr } = await witness('w1');
    expect([code, stderr]).toEqual([10, expect.stringContaining(`put ${first} into "witnesses" of the policy`)]);
    expect(checksOf(await world.done(['audit', 'verify']))).toEqual(
      Array(2).fill(expect.stringMatching(/^– .* names none$/)),
    );
  });

  it('takes another number for a person who names one service of the organisation [guard: cli-witness-accept]', async () => {
    for (const [named, words] of [
      [['dev'], 'name the organisation and one service'],
      [['dev', 'vault', 'more'], 'name the organisation and one service'],
      [['dev', 'responder:other'], 'lists no service urn:bulla:dev:svc:responder:other'],
      [['acme', 'vault'], 'lists no service urn:bulla:acme:svc:vault'],
    ] as const) {
      const { code, stderr } = await witness('w1', '--accept', ...named);
      expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    }
    const { code, stderr } = await witness('w1', '--every', '5m', '--accept', 'dev', 'vault');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--accept goes without')]);
  });

  it('is asked for by verify, as the policy says, and cosigns what has grown', async () => {
    await nameThem(2, first, second);
    const none = await world.bulla(['audit', 'verify']);
    expect([none.code, checksOf(none)]).toEqual([
      10,
      Array(2).fill(expect.stringContaining('0 of the witnesses have seen')),
    ]);
    const cosigned = await witness('w1');
    expect(cosigned.code).toBe(0);
    expect(cosigned.stdout).toMatch(new RegExp(`^✔ ${vaultLog}  cosigned \\d+ entries, seen for the first time$`, 'm'));
    expect(cosigned.stdout).toMatch(
      new RegExp(`^✔ ${responderLog}  cosigned \\d+ entries, seen for the first time$`, 'm'),
    );
    expect((await world.bulla(['audit', 'verify'])).code).toBe(10);
    expect((await witness('w2')).code).toBe(0);
    // What the second of them brought is an entry as well, once it is signed.
    let both = checksOf(await world.done(['audit', 'verify']));
    for (let tries = 0; tries < 100 && !both.every((one) => one.includes(' behind;')); tries++) {
      await pause(100);
      both = checksOf(await world.done(['audit', 'verify']));
    }
    const line =
      /^✔ witnesses witnessed to \d+ of \d+ entries at \S+Z, \d+ behind; the policy asks for 2 of 2: witness/;
    expect(both).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
    const { stdout } = await witness('w1', '--json');
    const { logs, unreached } = JSON.parse(stdout) as {
      logs: { outcome: string; entries: number; before: number }[];
      unreached: [];
    };
    expect([logs.map(({ outcome }) => outcome), unreached]).toEqual([['cosigned', 'cosigned'], []]);
    for (const { entries, before } of logs) expect(entries).toBeGreaterThan(before);
  });

  it('is in the log, and in exported logs', async () => {
    const { stdout } = await world.done(['audit', 'list', '--act', 'audit.cosign']);
    expect(stdout).toMatch(/ audit\.cosign +this device +ok /);
    const out = world.path('audit');
    await world.done(['audit', 'export', '--out', out]);
    expect(checksOf(await world.done(['audit', 'verify', out]))).toHaveLength(2);
    const said = JSON.parse((await world.done(['audit', 'verify', out, '--json'])).stdout) as { logs: object[] };
    expect(said.logs[0]).toMatchObject({
      witnessed: { quorum: 2, named: ['witness.example/w1', 'witness.example/w2'] },
    });
    for (const file of ['0', '1']) await rm(`${out}/logs/vault-1/witnessed/${file}`);
    const cut = await world.bulla(['audit', 'verify', out]);
    expect([cut.code, cut.stderr]).toEqual([10, expect.stringContaining('of the witnesses have seen this log')]);
  });

  it('goes on until it is stopped', async () => {
    const endless = world.start(['audit', 'witness', '--folder', folder('w1'), '--every', '1m']);
    await endless.stdout.holds(responderLog);
    expect((await witness('w1')).stderr).toContain('is in use by process');
    expect(await endless.stop()).toBe(0);
  });

  it('refuses a log that contradicts what it signed, and keeps both [guard: cli-witness-refused]', async () => {
    await nameThem(1, first, second);
    await witness('w2');
    const path = `${folder('w2')}/witness.json`;
    const honest = await readFile(path, 'utf8');
    const state = JSON.parse(honest) as { logs: { origin: string; checkpoint: string }[] };
    const [log] = state.logs.filter(({ origin }) => origin === vaultLog);
    if (log === undefined) throw new Error('it signed nothing');
    log.checkpoint = await forked(log.checkpoint);
    await writeFile(path, JSON.stringify(state));
    await world.done(['run', 'claims/triage', '--var', 'claim=Hail.']);
    let ended = await witness('w2');
    // That of the responder is cosigned all the same, once it has signed what it did.
    for (let tries = 0; tries < 100 && ended.stdout === ''; tries++) {
      await pause(100);
      ended = await witness('w2');
    }
    const { code, stdout, stderr } = ended;
    expect([code, stdout]).toEqual([10, expect.stringContaining(`${responderLog}  cosigned`)]);
    expect(stderr).toContain('do not begin with the');
    const [, evidence = ''] = /both signed checkpoints are kept in (\S+)$/m.exec(stderr) ?? [];
    const kept = JSON.parse(await readFile(evidence, 'utf8')) as { checkpoints: string[] };
    expect(kept.checkpoints[0]).toBe(log.checkpoint);
    const endless = world.start(['audit', 'witness', '--folder', folder('w2'), '--every', '1m']);
    await endless.stderr.holds('both signed checkpoints');
    expect(await endless.stop()).toBe(10);
    await writeFile(path, honest);
  });

  it('refuses to sign without its state', async () => {
    await rm(`${folder('w2')}/witness.json`);
    const { code, stderr } = await witness('w2');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('witness.json is not there: without what this key has signed'),
    ]);
  });

  it.each([
    [['--init', 'urn:bulla:dev:x'], '--init: witnesses: a witness is not called like a log'],
    [['--init', 'w', '--every', '5m'], '--init goes without --every'],
    [['--every', '5s'], '--every: expected minutes or hours'],
  ])('takes no %j', async (options, message) => {
    const { code, stderr } = await witness('w3', ...options);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says which service is away; the other is not kept waiting', async () => {
    const reached = world.fetch;
    const { stdout } = await world.done(['audit', 'list', '--limit', '1', '--json']);
    expect(stdout).not.toBe('');
    const [, vault = ''] =
      /"vault_?[uU]rl": ?"([^"]+)"/.exec(await readFile(world.path('home/profile.json'), 'utf8')) ?? [];
    world.fetch = (input, init) =>
      new URL(input instanceof Request ? input.url : input).origin === new URL(vault).origin
        ? reached(input, init)
        : Promise.reject(new TypeError('fetch failed'));
    const { code, stdout: said, stderr } = await witness('w1');
    world.fetch = reached;
    expect([code, said]).toEqual([8, expect.stringContaining(`${vaultLog}  cosigned`)]);
    expect(stderr).toContain('– urn:bulla:dev:svc:responder:local: ');
  });
});

/** Another tree of the same size, signed by the same log. */
async function forked(note: string): Promise<string> {
  const file = JSON.parse(await readFile(world.path('home/services/vault.keys.json'), 'utf8')) as {
    keys: { pur: string[]; jwk: never }[];
  };
  const own = file.keys.find(({ pur }) => pur.includes('checkpoint'));
  if (own === undefined) throw new Error('no key for checkpoints');
  const signer = await loadSigner(own.jwk, 'Ed25519');
  const size = Number(note.split('\n')[1]);
  const key = await noteKeyOf(vaultLog, signer.publicJwk);
  return signCheckpoint(vaultLog, { size, root: new Uint8Array(32).fill(7) }, [{ key, signer }]);
}
