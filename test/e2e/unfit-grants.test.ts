import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bulla } from '@bulla/client';
import { connectionOf, Home } from '@bulla/client/node';
import type { Prompt, SealedVersion, UnfitGrant } from '@bulla/contract';
import type { Recipient } from '@bulla/crypto';
import { parseContent, tokenHash } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../bulla-command.js';
import { letIn, succeed } from './stories/second-person.js';

// An author who holds a grant posts, for a key that was listed a moment ago, one with the right header and a random key,
// and is faster than everybody else. No vault can tell (protocol.md A16).

type Settings = Readonly<Record<string, string>>;

const NAME = 'claims/triage';
const RESPONDER = 'urn:bulla:dev:svc:responder:local';
const AUTHOR = ['--role', 'author', '--role', 'invoker', '--group', 'grp:authors', '--group', 'grp:members'];
const database = await databaseForTest();
let folder: string;
let up: RunningCommand;
let owner: Settings & { readonly BULLA_HOME: string };
/** Who attacks. */
let bob: Settings;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-unfit-'));
  const store = database.url === undefined ? {} : { BULLA_DATABASE_URL: database.url };
  owner = { BULLA_HOME: join(folder, 'home'), ...store };
  up = await startUp(owner);
  bob = await letIn(folder, owner, 'bob', ...AUTHOR);
  await writeFile(join(folder, 'triage.md'), 'Sort this claim.\n\n{{claim}}\n');
  await succeed(['prompt', 'push', NAME, '-f', join(folder, 'triage.md'), '--label', 'production'], owner);
});
afterAll(async () => {
  await up.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const json = async <Value>(args: readonly string[], by: Settings): Promise<Value> =>
  JSON.parse((await succeed(args, by)).stdout) as Value;
const ask = (by: Settings) => bulla(['run', NAME, '--var', 'claim=Water is flowing.'], by);
const unfit = () => json<UnfitGrant[]>(['prompt', 'unfit', '--json'], owner);

/** The newest key that is listed for somebody, as the attacker's own client believes it. */
async function newestKeyOf(urn: string): Promise<Recipient> {
  const trust = await (await Bulla.connect(await connectionOf(new Home(bob['BULLA_HOME'])))).refreshTrust();
  const [newest] = trust.activeKeys(urn, 'unwrap', Math.floor(Date.now() / 1000));
  if (newest === undefined) throw new Error('there is no key to seal to');
  return newest;
}

/** Posts a grant of a random key under the right header, by a request that is rightly signed. */
async function attack(urn: string) {
  const prompt = await json<Prompt>(['api', 'GET', `/api/v1/prompts/by-name?name=${NAME}`], bob);
  const { content } = await json<SealedVersion>(['api', 'GET', `/api/v1/prompts/${prompt.id}/versions/1`], bob);
  const { sub, ver, kid: dekId, dkc = '' } = parseContent(content).header;
  const grant = await sealUnfit({ sub, ver, dekId, chash: await tokenHash(content), dkc }, await newestKeyOf(urn));
  const file = join(folder, 'grants.json');
  await writeFile(file, JSON.stringify({ grants: [grant] }));
  const ended = await bulla(['api', 'POST', `/api/v1/prompts/${prompt.id}/grants`, '--input', file], bob);
  return { ...ended, whash: await tokenHash(grant) };
}

describe('an unfit grant for a new key of the responder', () => {
  it('is found within a minute and told with its poster, who is barred; the responder itself seals the version again, and it runs', async () => {
    const keys = join(owner.BULLA_HOME, 'services/responder.keys.json');
    const file = join(folder, 'responder.new.json');
    await succeed(['keys', 'generate', file, '--like', keys, '--encryption'], owner);
    const shown = await succeed(['keys', 'public', file], owner);
    const [, fingerprint = ''] = /^fingerprint (\S+)$/m.exec(shown.stderr) ?? [];
    await writeFile(join(folder, 'responder.public'), shown.stdout);
    // The key is listed before anybody could move a grant to it.
    const listed = ['--fingerprint', fingerprint, '--keys', join(folder, 'responder.public'), '--file-later'];
    await succeed(['trust', 'accept', ...listed], owner);
    const { stdout, whash } = await attack(RESPONDER);
    expect(JSON.parse(stdout)).toEqual({ added: 1 });

    await rename(file, keys);
    // It looks every two seconds whether its file is another, and for a newer directory when somebody asks by one.
    await pause(4_000);
    const first = await ask(owner);
    expect(first.status === 0 || first.stderr.includes('(grant_unfit)')).toBe(true);
    const begun = performance.now();
    while (!(await unfit()).some(({ again }) => again)) await pause(500);
    expect(performance.now() - begun).toBeLessThan(60_000);
    const [found, ...others] = await unfit();
    const own = await json<{ person: string }>(['whoami', '--json'], bob);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ whash, version: 1, aud: RESPONDER, by: expect.stringMatching(/:user:usr_/) });
    expect(own.person).toBe(found?.by);
    expect((await ask(owner)).stdout).toContain('Water is flowing.');

    const again = await attack(RESPONDER);
    expect([again.status, again.stderr]).toEqual([5, expect.stringContaining('did not give the key')]);
    expect((await ask(bob)).stdout).toContain('Water is flowing.');
  }, 180_000);

  it('does not keep the older key from being retired once the responder tried what is there', async () => {
    const { stdout } = await succeed(['trust', 'retire', '--yes'], owner);
    expect(stdout).toMatch(/^✔ retired: /);
    expect((await ask(owner)).stdout).toContain('Water is flowing.');
  }, 120_000);

  it('is named by doctor until an admin clears it, and by nobody else', async () => {
    const doctor = await bulla(['doctor'], owner);
    expect([doctor.status, doctor.stdout]).toEqual([
      1,
      expect.stringMatching(/unfit grants.*1 grant did not give the key/),
    ]);
    const [one] = await unfit();
    const clear = ['prompt', 'unfit', '--clear', one?.whash.slice(0, 12) ?? ''];
    expect((await bulla(clear, bob)).status).toBe(5);
    expect((await succeed(clear, owner)).stdout).toContain('can give that key that version again');
    expect((await succeed(['prompt', 'unfit'], owner)).stdout).toMatch(/^none: /);
    expect((await bulla(['doctor'], owner)).stdout).not.toContain('unfit grants');
  });
});

describe('an unfit grant for a new device', () => {
  it('is taken back by that device; its poster cannot mend it, and another holder does', async () => {
    const carol = await letIn(folder, owner, 'carol', ...AUTHOR);
    const { device } = await json<{ device: string }>(['whoami', '--json'], carol);
    expect(JSON.parse((await attack(device)).stdout)).toEqual({ added: 1 });

    const pull = () => bulla(['prompt', 'pull', NAME], carol);
    const refused = await pull();
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('it was taken back')]);
    expect((await pull()).stderr).toContain('not sealed to this device');

    const mended = await succeed(['prompt', 'reseal', NAME], bob);
    expect(mended.stdout).toContain('still lacks it: an unfit grant of yours was taken back');
    const shown = await succeed(['prompt', 'reseal', NAME], owner);
    expect(shown.stdout).toMatch(/v1 {2}sealed to /);
    expect((await pull()).stdout).toContain('Sort this claim.');
    expect(await unfit()).toMatchObject([{ aud: device, again: true }]);
  }, 120_000);
});
