import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bulla } from '@bulla/client';
import { connectionOf, Home } from '@bulla/client/node';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../bulla-command.js';
import type { Ended } from '../bulla-process.js';
import { sign } from './stories/second-person.js';

type Settings = Readonly<Record<string, string>>;

const database = await databaseForTest();

let folder: string;
let up: RunningCommand;
let owner: Settings;
let bob: Settings;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-people-'));
  owner = {
    BULLA_HOME: join(folder, 'home'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  bob = { BULLA_HOME: join(folder, 'bob') };
  up = await startUp(owner);
  await writeFile(join(folder, 'triage.md'), 'Sort this claim by urgency.\n\n{{claim}}\n');
  ok(await push('claims/triage', owner));
});
afterAll(async () => {
  await up.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const push = (name: string, settings: Settings) =>
  bulla(['prompt', 'push', name, '-f', join(folder, 'triage.md'), '--label', 'production'], settings);
const run = (name: string, settings: Settings) =>
  bulla(['run', name, '--var', 'claim=Water is flowing. It is urgent.'], settings);
const ok = (ended: Ended): Ended => {
  expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
  return ended;
};

describe('a second person', () => {
  it('comes in by a code from another folder and runs at once what the first one sealed; once revoked, nothing it signs counts, the vault answers 401, and what others vouched for stays', async () => {
    const options = ['--role', 'author', '--role', 'invoker', '--group', 'grp:authors', '--group', 'grp:members'];
    const invited = ok(await bulla(['device', 'invite', ...options, '--label', 'laptop'], owner));
    expect(invited.stdout).toMatch(/^bulla1_[\w-]+\n$/);
    expect((await stat(join(owner['BULLA_HOME'] ?? '', 'invitations.json'))).mode & 0o777).toBe(0o600);

    const asked = ok(await bulla(['device', 'enrol', '--label', 'of bob'], bob, invited.stdout));
    expect(asked.stdout).toMatch(/^words {8}([a-z]+ ){7}[a-z]+$/m);
    expect((await stat(join(bob['BULLA_HOME'] ?? '', 'enrolment.json'))).mode & 0o777).toBe(0o600);
    // Nobody is in before somebody lets them in.
    expect((await run('claims/triage', bob)).status).toBe(2);
    expect(ok(await bulla(['device', 'enrol'], bob)).stdout).toBe(asked.stdout);

    const approved = ok(await bulla(['device', 'approve'], owner));
    expect(approved.stdout).toMatch(/in: urn:bulla:dev:dev:dev_/);
    expect(approved.stderr).toContain('author, invoker; groups grp:authors, grp:members');
    expect(ok(await bulla(['device', 'enrol'], bob)).stdout).toContain(approved.stdout.trim().slice(2));
    // The responder has not polled yet: it looks because it is asked by somebody it does not know (protocol.md §4). It
    // does so once in a second, and a test before this one may have made it look.
    await pause(1_000);
    expect(ok(await run('claims/triage', bob)).stdout).toContain('Water is flowing.');

    const listed = ok(await bulla(['device', 'list'], owner)).stdout;
    expect(listed).toMatch(/^\* {2}dev_\w+ +this device .* owner,author,invoker .* active /m);
    expect(listed).toMatch(/^ {3}dev_\w+ +laptop .* author,invoker +grp:authors,grp:members +active /m);

    ok(await push('claims/kept', bob));
    ok(await push('claims/own', bob));
    // Who looked at a position of somebody else can sign it, too: it stays when its author is revoked.
    for (const label of ['production', 'latest']) {
      ok(await bulla(['prompt', 'adopt', `claims/kept@${label}`], owner, 'yes\n'));
      await sign(['prompt', 'label', 'claims/kept', label, '1'], owner);
    }
    // A client that has not seen the next directory yet: the vault itself must refuse it.
    const connection = await connectionOf(new Home(bob['BULLA_HOME']));
    const { store: _own, ...fresh } = connection;
    const asBob = await Bulla.connect(fresh);
    expect((await asBob.prompts.get('claims/kept')).name).toBe('claims/kept');

    const refused = await bulla(['device', 'revoke', 'laptop'], owner, 'no\n');
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('nothing was signed')]);
    const revoked = ok(await bulla(['device', 'revoke', 'laptop', '--reason', 'keyCompromise', '--yes'], owner));
    expect(revoked.stdout).toContain('1 of its texts kept');
    expect(revoked.stderr).toMatch(/claims\/own@1 {2}sha256:/);

    await expect(asBob.prompts.get('claims/kept')).rejects.toMatchObject({ status: 401 });
    const after = await run('claims/triage', bob);
    expect([after.status, after.stderr]).toEqual([4, expect.stringContaining('revokes this device')]);
    expect(ok(await run('claims/kept', owner)).stdout).toContain('Water is flowing.');
    expect((await run('claims/own', owner)).status).not.toBe(0);
    expect(ok(await bulla(['device', 'list'], owner)).stdout).toMatch(/laptop .* revoked /);
  });

  it('is refused when it is not the one that was invited', async () => {
    const carol = { BULLA_HOME: join(folder, 'carol') };
    const code = ok(await bulla(['device', 'invite', '--role', 'invoker', '--label', 'phone'], owner)).stdout;
    ok(await bulla(['device', 'enrol'], carol, code));
    // Another machine of the admin, where the invitation was not made.
    const records = join(owner['BULLA_HOME'] ?? '', 'invitations.json');
    const kept = await readFile(records, 'utf8');
    await rm(records);
    const bare = await bulla(['device', 'approve'], owner);
    expect([bare.status, bare.stderr]).toEqual([
      2,
      expect.stringContaining('--role, --label, and --user or --new-person'),
    ]);
    const terms = ['--role', 'invoker', '--label', 'phone', '--new-person'];
    const wrong = await bulla(['device', 'approve', ...terms], owner, 'zoo zoo zoo zoo zoo zoo zoo zoo\n');
    expect([wrong.status, wrong.stderr]).toEqual([10, expect.stringContaining('check enrolment-words')]);
    const words = /words +(.*)/.exec(ok(await bulla(['device', 'enrol'], carol)).stdout)?.[1] ?? '';
    ok(await bulla(['device', 'approve', ...terms], owner, `${words}\n`));
    expect(ok(await bulla(['device', 'enrol'], carol)).stdout).toContain('in: urn:bulla:dev:dev:');
    await writeFile(records, kept, { mode: 0o600 });
  });

  it('is told when it was refused, and its code is spent', async () => {
    const dave = { BULLA_HOME: join(folder, 'dave') };
    const code = ok(await bulla(['device', 'invite', '--role', 'invoker', '--label', 'tablet'], owner)).stdout;
    ok(await bulla(['device', 'enrol'], dave, code));
    const { stderr } = await bulla(['device', 'approve', 'enr_0', '--role', 'owner'], owner);
    expect(stderr).toContain('no such device waits');
    const request = JSON.parse(await readFile(join(dave['BULLA_HOME'], 'enrolment.json'), 'utf8')) as {
      request: { id: string };
    };
    ok(await bulla(['device', 'refuse', request.request.id], owner));
    const told = await bulla(['device', 'enrol'], dave);
    expect([told.status, told.stderr]).toEqual([5, expect.stringContaining('was refused')]);
    const again = await bulla(['device', 'enrol'], dave, code);
    expect([again.status, again.stderr]).toEqual([4, expect.stringContaining('this invitation is spent')]);
  });
});

describe('the first person', () => {
  it('renews the keys of the device, and everything still opens', async () => {
    const before = ok(await bulla(['device', 'list', '--json'], owner)).stdout;
    ok(await bulla(['device', 'renew'], owner));
    const after = ok(await bulla(['device', 'list', '--json'], owner)).stdout;
    const own = (text: string) =>
      (JSON.parse(text) as { this_device: boolean; fingerprint: string }[]).find((one) => one.this_device)?.fingerprint;
    expect(own(after)).not.toBe(own(before));
    expect(ok(await bulla(['prompt', 'pull', 'claims/triage'], owner)).stdout).toContain('Sort this claim');
    expect(ok(await run('claims/triage', owner)).stdout).toContain('Water is flowing.');
    ok(await push('claims/next', owner));
  });

  it('starts again on what was published meanwhile, with the identity under a passphrase', async () => {
    const locked = { ...owner, BULLA_PASSPHRASE_FILE: join(folder, 'passphrase') };
    await writeFile(locked.BULLA_PASSPHRASE_FILE, 'six words that nobody would guess\n');
    const code = ok(await bulla(['device', 'invite', '--role', 'invoker', '--label', 'spare'], owner)).stdout;
    ok(await bulla(['device', 'enrol'], { BULLA_HOME: join(folder, 'spare') }, code));
    ok(await bulla(['device', 'approve'], owner));
    ok(await bulla(['device', 'revoke', 'spare', '--yes'], owner));
    ok(await bulla(['device', 'renew'], owner));
    const before = ok(await bulla(['device', 'list'], owner)).stdout;
    expect(before).toMatch(/spare .* revoked /);
    ok(await bulla(['keys', 'lock'], locked));
    await up.stop();
    const silent = await bulla(['run', 'claims/triage', '--var', 'claim=x'], owner);
    expect([silent.status, silent.stderr]).toEqual([4, expect.stringContaining('BULLA_PASSPHRASE_FILE')]);
    const wrong = await bulla(['device', 'list'], { ...owner, BULLA_PASSPHRASE: 'twelve letters of something else' });
    expect([wrong.status, wrong.stderr]).toEqual([4, expect.stringContaining('the passphrase is another one')]);
    up = await startUp(locked);
    expect(ok(await run('claims/triage', locked)).stdout).toContain('Water is flowing.');
    // The directory that names the new ports stands on the newest: who was revoked still is.
    expect(ok(await bulla(['device', 'list'], locked)).stdout).toBe(before);
    expect(ok(await bulla(['keys', 'unlock'], owner, 'six words that nobody would guess\n')).stdout).toContain(
      'open: ',
    );
    expect(ok(await bulla(['keys', 'status', join(folder, 'home', 'identity.json')], owner)).stdout).toMatch(
      /^open {2}/,
    );
  });
});
