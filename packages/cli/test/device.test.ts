import { readFileSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseInvitationCode } from '@bulla/crypto';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

const PASSPHRASE = 'six words that nobody would guess';

let world: World;
let running: Running;
let home: string;
beforeAll(async () => {
  world = await World.make();
  home = world.path('home');
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
});
afterEach(() => {
  world.env['BULLA_HOME'] = home;
  delete world.env['BULLA_PASSPHRASE'];
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** A command in another home folder. */
async function as(name: string, argv: readonly string[], stdin = ''): Promise<Ended> {
  world.env['BULLA_HOME'] = world.path(name);
  try {
    return await world.bulla(argv, { stdin });
  } finally {
    world.env['BULLA_HOME'] = home;
  }
}

const ok = (ended: Ended): Ended => {
  // What it said on stderr stands in the report of a failure.
  expect(ended).toEqual({ code: 0, stdout: expect.any(String), stderr: expect.any(String) });
  return ended;
};
const invite = async (label: string, ...options: string[]) =>
  ok(await world.bulla(['device', 'invite', '--label', label, '--role', 'invoker', ...options])).stdout;
const push = (name: string) =>
  world.bulla(['prompt', 'push', name, '-f', world.path('triage.md'), '--label', 'production']);

/** A device with a home folder of its own, let in. */
async function letIn(name: string, ...options: string[]): Promise<void> {
  ok(await as(name, ['device', 'enrol'], await invite(name, ...options)));
  ok(await world.bulla(['device', 'approve']));
  ok(await as(name, ['device', 'enrol']));
}

describe('what a stranger gets wrong', () => {
  it.each([
    ['an invitation without a role', ['invite', '--label', 'x'], '--role: expected one or more of owner, admin'],
    ['a role that is none', ['invite', '--label', 'x', '--role', 'king'], '--role: expected one or more of'],
    ['a group without grp:', ['invite', '--label', 'x', '--role', 'admin', '--group', 'all'], 'such as grp:support'],
    ['a label of control characters', ['invite', '--label', 'a\u001b[2J', '--role', 'admin'], '--label: expected'],
    ['a day and an hour', ['invite', '--label', 'x', '--role', 'admin', '--expires', '25h'], 'at most 24h'],
    ['no time at all', ['invite', '--label', 'x', '--role', 'admin', '--expires', '0m'], 'at most 24h'],
    [
      'a person who is none',
      ['invite', '--label', 'x', '--role', 'admin', '--user', 'bob'],
      'expected a person of dev, such as usr_…',
    ],
    ['a code on the command line', ['enrol', 'bulla1_x'], 'too many arguments'],
    ['a text without a version', ['revoke', 'nobody', '--keep', 'claims/one'], 'expected name@version'],
    ['a reason that is none', ['revoke', 'nobody', '--reason', 'tired'], 'Allowed choices are unspecified'],
  ])('%s is told what was expected', async (_name, argv, told) => {
    const ended = await world.bulla(['device', ...argv]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(told);
  });

  it.each([
    ['an approval where nobody waits', ['approve'], 'no device waits'],
    ['a request that is none', ['refuse', 'enr_01m8846qn4f4rbrg78kdyan1yj'], 'no such device waits'],
    ['a device that is none', ['revoke', 'nobody'], 'there is no such device'],
  ])('%s ends with 6, and a hint', async (_name, argv, told) => {
    const ended = await world.bulla(['device', ...argv]);
    expect(ended).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining(told) });
    expect(ended.stderr).toContain('bulla: hint: ');
  });

  it('a person who is not here is nobody to invite a further device for', async () => {
    const ended = await world.bulla([
      'device',
      'invite',
      '--label',
      'x',
      '--role',
      'admin',
      '--user',
      'usr_01m88efhmge308xg5b2fegtbb0',
    ]);
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringContaining('no device of this person is listed') });
  });

  it.each([
    ['', 'nothing was given'],
    ['bulla1_oops\n', 'not the code of an invitation'],
    ['hello\n', 'not the code'],
  ])('a code that is none (%j) is not repeated, and leaves nothing behind', async (code, told) => {
    const ended = await as('nobody', ['device', 'enrol'], code);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
    expect(ended.stderr).not.toContain('oops');
    expect(() => statSync(world.path('nobody'))).toThrow('ENOENT');
  });

  it('a folder that is set up stays as it is', async () => {
    const ended = await world.bulla(['device', 'enrol'], { stdin: await invite('again') });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('set BULLA_HOME to another folder') });
  });

  it.each([
    'device',
    'device invite',
    'device enrol',
    'device invitations',
    'device approve',
    'device revoke',
    'device renew',
    'people',
    'people name',
    'keys',
    'trust accept',
  ])('bulla %s --help has an example', async (command) => {
    const { code, stdout } = await world.bulla([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}\$ (BULLA_HOME=\S+ )?bulla (device|people|keys|trust) /m);
  });
});

describe('a code that is of no use any more', () => {
  const idOf = (code: string) => parseInvitationCode(code).id;
  const enrol = (name: string, ...rest: string[]) => as(name, ['device', 'enrol', ...rest]);

  it('is taken back, and gives way to the next one, given on standard input', async () => {
    const [code, next] = [await invite('early'), await invite('late')];
    const rows = ok(await world.bulla(['device', 'invitations', 'list'])).stdout;
    expect(rows).toMatch(new RegExp(`^${idOf(code)}  early .* open .* here$`, 'm'));
    expect(ok(await world.bulla(['device', 'invitations', 'revoke', 'early'])).stdout).toContain(idOf(code));
    const listed = JSON.parse(ok(await world.bulla(['device', 'invitations', 'list', '--json'])).stdout) as object[];
    expect(listed).not.toContainEqual(expect.objectContaining({ id: idOf(code) }));
    expect(listed).toContainEqual(expect.objectContaining({ id: idOf(next), label: 'late', from_here: true }));

    expect(await as('second-try', ['device', 'enrol'], code)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no open invitation for this code'),
    });
    // Again with nothing new, and with the same code: it says the same, and makes no other keys.
    const request = () => readFile(world.path('second-try/enrolment.json'), 'utf8');
    const before = await request();
    expect(await enrol('second-try')).toMatchObject({ code: 4 });
    expect(await as('second-try', ['device', 'enrol'], code)).toMatchObject({ code: 4 });
    expect(await request()).toBe(before);
    const again = ok(await as('second-try', ['device', 'enrol'], next));
    expect(again.stderr).toContain('the request that was made here before comes to nothing');
    ok(await world.bulla(['device', 'approve']));
    expect(ok(await enrol('second-try')).stdout).toContain('in: urn:bulla:dev:dev:');
    expect(await world.bulla(['device', 'invitations', 'revoke', idOf(next)])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a device has taken this invitation'),
    });
    expect(await world.bulla(['device', 'invitations', 'revoke', 'nobody'])).toMatchObject({ code: 6 });
  });

  it('gives way to the one in a file, after a refusal too; and one that still waits does not, and says so', async () => {
    const [first, second, third] = [await invite('first'), await invite('second'), await invite('third')];
    ok(await as('refused', ['device', 'enrol'], first));
    const [id = ''] = (await world.bulla(['device', 'approve', 'enr_none'])).stderr.match(/enr_\w{26}/) ?? [];
    const file = await world.file('second.txt', second);
    const waiting = ok(await enrol('refused', '--code', file));
    expect(waiting.stderr).toContain('the code that was given is of another invitation: it was not used');
    ok(await world.bulla(['device', 'refuse', id]));
    const begun = ok(await enrol('refused', '--code', file));
    expect(begun.stderr).toContain('comes to nothing: the device was refused');
    expect(ok(await world.bulla(['device', 'approve'])).stderr).toContain('invited as   second:');
    ok(await enrol('refused'));
    ok(await world.bulla(['device', 'invitations', 'revoke', idOf(third)]));
  });
});

describe('letting in', () => {
  it('says which when two wait, and lets in the one that is named, with what its invitation said', async () => {
    const codes = [await invite('one', '--group', 'grp:members'), await invite('two')];
    for (const [index, code] of codes.entries()) ok(await as(`waiting-${index}`, ['device', 'enrol'], code));
    const both = await world.bulla(['device', 'approve']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('2 devices wait: say which') });
    const ids = both.stdout.match(/enr_\w+/g) ?? [];
    expect(ids).toHaveLength(2);
    const more = await world.bulla(['device', 'approve', ids[0] ?? '', '--role', 'owner']);
    expect(more).toMatchObject({ code: 2, stderr: expect.stringContaining('stands in your record') });
    for (const id of ids) ok(await world.bulla(['device', 'approve', id]));
    const devices = JSON.parse(ok(await world.bulla(['device', 'list', '--json'])).stdout) as object[];
    expect(devices).toContainEqual(
      expect.objectContaining({ label: 'one', roles: ['invoker'], groups: ['grp:members'] }),
    );
    expect(devices).toContainEqual(expect.objectContaining({ label: 'two', roles: ['invoker'], groups: [] }));
  });

  it('takes the key of the directory, and says who has it where it is not', async () => {
    ok(await as('keyless', ['device', 'enrol'], await invite('keyless')));
    const key = `${home}/org/dev/directory.key`;
    await rename(key, world.path('directory.key'));
    const refused = await world.bulla(['device', 'approve']);
    expect(refused).toMatchObject({ code: 5, stdout: '' });
    expect(refused.stderr).toMatch(/this takes the key that signs the directory \([0-9a-f:]{39}\)/);
    expect(refused.stderr).toMatch(/most likely an owner: usr_\w+/);
    ok(await world.bulla(['device', 'approve', '--directory-key', world.path('directory.key')]));
    await rename(world.path('directory.key'), key);
  });

  it('a further device of a person is one more of theirs', async () => {
    const before = JSON.parse((await world.bulla(['device', 'list', '--json'])).stdout) as {
      this_device: boolean;
      user: string;
    }[];
    const user = before.find((device) => device.this_device)?.user ?? '';
    await letIn('further', '--user', user.slice(user.lastIndexOf(':') + 1));
    const after = JSON.parse((await world.bulla(['device', 'list', '--json'])).stdout) as {
      label: string;
      user: string;
    }[];
    expect(after.find(({ label }) => label === 'further')?.user).toBe(user);
  });
});

describe('what people are called', () => {
  it('stands beside what they are everywhere, is kept here, and is never sent', async () => {
    const sent: string[] = [];
    world.fetch = async (input, init) => {
      if (init?.body) sent.push(await new Response(init.body).text());
      return fetch(input, init);
    };
    await letIn('named', '--name', 'Alice Moser');
    world.fetch = fetch;
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.join('')).not.toContain('Moser');
    const people = await readFile(`${home}/people.json`, 'utf8');
    const [, user = ''] = /"urn:bulla:dev:user:(usr_\w{26})": "Alice Moser"/.exec(people) ?? [];
    expect(ok(await world.bulla(['device', 'list'])).stdout).toContain(`${user} (Alice Moser)`);
    expect(ok(await world.bulla(['device', 'invitations', 'list'])).stdout).toContain(`${user} (Alice Moser)`);
    expect(ok(await world.bulla(['trust', 'show'])).stdout).toMatch(/^dev dev_\w{26} \(Alice Moser\) /m);
    expect(ok(await world.bulla(['people', 'list'])).stdout).toMatch(new RegExp(`^${user}  Alice Moser +dev_`, 'm'));
    expect((await world.bulla(['device', 'revoke', 'named'], { stdin: 'no\n' })).stderr).toContain(
      `of ${user} (Alice Moser)`,
    );

    // By name, as well as by what they are.
    ok(await as('named-too', ['device', 'enrol'], await invite('named-too', '--user', 'Alice Moser')));
    expect(ok(await world.bulla(['device', 'approve'])).stderr).toContain(`person ${user} (Alice Moser)`);
    expect(ok(await world.bulla(['people', 'name', 'Alice Moser', 'Alice M.'])).stdout).toBe(
      `✔ ${user} is Alice M. here\n`,
    );
    ok(await world.bulla(['people', 'name', user, '--forget']));
    expect(JSON.parse(await readFile(`${home}/people.json`, 'utf8'))).toEqual({});
    expect(ok(await world.bulla(['device', 'list'])).stdout).not.toContain('Alice');
  });

  it.each([
    [
      'a name that hides something',
      ['people', 'name', 'usr_01m88efhmge308xg5b2fegtbb0', 'Ali\u200bce'],
      'not the name',
    ],
    [
      'a name that ends another line',
      ['people', 'name', 'usr_01m88efhmge308xg5b2fegtbb0', 'Alice) of x'],
      'not the name',
    ],
    ['no name', ['people', 'name', 'usr_01m88efhmge308xg5b2fegtbb0'], 'a name is missing'],
    ['nobody', ['people', 'name', 'Nobody', 'Somebody'], 'expected a person of dev'],
    ['the name of a renewer', ['device', 'invite', '--role', 'renewer', '--label', 'x', '--name', 'R'], 'no person'],
  ])('is not %s', async (_name, argv, told) => {
    expect(await world.bulla(argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(told) });
  });
});

describe('revoking', () => {
  it('shows a text before it is kept, and keeps none that nobody answers for', async () => {
    await letIn('writer', '--role', 'author', '--group', 'grp:authors');
    world.env['BULLA_HOME'] = world.path('writer');
    ok(await push('texts/one'));
    ok(await push('texts/two'));
    world.env['BULLA_HOME'] = home;
    const revoke = ['device', 'revoke', 'writer', '--keep', 'texts/one@1', '--keep', 'texts/two@1'];
    const unsure = await world.bulla(revoke, { stdin: 'yes\nno\n' });
    expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining('keep 1 of its texts?') });
    const ended = ok(await world.bulla(revoke, { stdin: 'yes\nno\nyes\n' }));
    expect(ended.stdout).toContain('texts/one@1  sha256:');
    expect(ended.stdout).toContain('# user\n| Sort this claim.\n|\n| {{claim}}\n');
    expect(ended.stdout).toContain('1 of its texts kept');
    // Its labels died with it: somebody looks where they stood and moves them on. The text that was answered for is as
    // good as ever.
    for (const name of ['texts/one', 'texts/two']) {
      expect((await push(name)).stderr).toContain(`bulla prompt adopt ${name}@latest`);
      for (const label of ['latest', 'production'])
        ok(await world.bulla(['prompt', 'adopt', `${name}@${label}`], { stdin: 'yes\n' }));
      ok(await push(name));
    }
    expect(ok(await world.bulla(['prompt', 'pull', 'texts/one', '--version', '1'])).stdout).toContain(
      'Sort this claim.',
    );
    expect((await world.bulla(['prompt', 'pull', 'texts/two', '--version', '1'])).code).toBe(10);
    expect(await as('writer', ['prompt', 'list'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('revokes this device'),
    });
  });

  it('leaves an owner', async () => {
    const list = JSON.parse((await world.bulla(['device', 'list', '--json'])).stdout) as {
      urn: string;
      this_device: boolean;
    }[];
    const own = list.find((device) => device.this_device)?.urn ?? '';
    const ended = await world.bulla(['device', 'revoke', own, '--yes']);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('no owner would be left') });
  });
});

describe('what was interrupted', () => {
  const copies = ['identity.json', 'trust.json', 'org/dev/directory.json'];
  const keep = (from: string, to: string) =>
    Promise.all(copies.map((name) => copyFile(`${from}/${name}`, `${to}/${name.replaceAll('/', '-')}`)));

  it.each([
    ['published', ['trust.json', 'org/dev/directory.json']],
    ['kept as its own', ['org/dev/directory.json']],
  ])('a change that was published and not %s is found by the next start', async (_name, forgotten) => {
    const before = world.path('before');
    await mkdir(before, { recursive: true });
    const left = `left-${forgotten.length}`;
    await letIn(left);
    ok(await world.bulla(['device', 'revoke', left, '--yes']));
    await keep(home, before);
    await letIn(`late-${forgotten.length}`);
    for (const name of forgotten) await copyFile(`${before}/${name.replaceAll('/', '-')}`, `${home}/${name}`);
    await running.stop();
    running = await world.up();
    const { stdout } = ok(await world.bulla(['device', 'list']));
    expect(stdout).toContain(`late-${forgotten.length} `);
    expect(stdout).toMatch(new RegExp(`${left} .* revoked`));
  });

  it('a renewal that was published and not taken over is finished by the next', async () => {
    const before = await readFile(`${home}/identity.json`, 'utf8');
    const renewed = ok(await world.bulla(['device', 'renew']));
    const after = JSON.parse(await readFile(`${home}/identity.json`, 'utf8')) as { keys: unknown[] };
    const old = JSON.parse(before) as { keys: unknown[] };
    // As it lay there before the new keys were put first.
    const between = { ...after, keys: [...after.keys.slice(2), ...after.keys.slice(0, 2)] };
    expect(between.keys.slice(0, 2)).toEqual(old.keys);
    await writeFile(`${home}/identity.json`, JSON.stringify(between));
    expect(await world.bulla(['prompt', 'list'])).toMatchObject({ code: 4 });
    const again = ok(await world.bulla(['device', 'renew']));
    expect(again.stdout).toBe(renewed.stdout);
    ok(await world.bulla(['prompt', 'list']));
  });
});

describe('keys', () => {
  it('are locked and unlocked by the passphrase from standard input or a file, and never shown', async () => {
    expect(ok(await world.bulla(['keys', 'lock'], { stdin: `${PASSPHRASE}\n` })).stdout).toContain('locked: ');
    expect(readFileSync(`${home}/identity.json`, 'utf8')).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(ok(await world.bulla(['keys', 'status', `${home}/identity.json`])).stdout).toMatch(/^locked {2}/);
    expect(await world.bulla(['keys', 'lock'], { stdin: `${PASSPHRASE}\n` })).toMatchObject({ code: 1 });
    // A pipe may carry something else than a passphrase.
    expect(await world.bulla(['prompt', 'list'], { stdin: `${PASSPHRASE}\n` })).toMatchObject({ code: 4 });
    world.env['BULLA_PASSPHRASE'] = 'another passphrase altogether';
    const wrong = await world.bulla(['prompt', 'list']);
    expect(wrong).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('the passphrase is another one'),
    });
    world.env['BULLA_PASSPHRASE'] = PASSPHRASE;
    ok(await world.bulla(['prompt', 'list']));
    delete world.env['BULLA_PASSPHRASE'];
    const unlocked = ok(await world.bulla(['keys', 'unlock'], { stdin: `${PASSPHRASE}\n` }));
    expect(unlocked.stdout + unlocked.stderr).not.toContain(PASSPHRASE);
    ok(await world.bulla(['prompt', 'list']));
  });

  it('the key that signs the directory can be locked, too', async () => {
    const key = `${home}/org/dev/directory.key`;
    ok(await world.bulla(['keys', 'lock', key], { stdin: `${PASSPHRASE}\n` }));
    ok(await as('guarded', ['device', 'enrol'], await invite('guarded')));
    expect(await world.bulla(['device', 'approve'])).toMatchObject({ code: 4, stdout: '' });
    world.env['BULLA_PASSPHRASE'] = PASSPHRASE;
    ok(await world.bulla(['device', 'approve']));
    ok(await world.bulla(['keys', 'unlock', key]));
  });

  it('elsewhere leave their folder as it is, and are never written over', async () => {
    const folder = world.path('elsewhere');
    await mkdir(folder);
    await chmod(folder, 0o755);
    const like = ['--like', `${home}/services/responder.keys.json`];
    ok(await world.bulla(['keys', 'generate', `${folder}/new.json`, ...like]));
    ok(await world.bulla(['keys', 'lock', `${folder}/new.json`], { stdin: `${PASSPHRASE}\n` }));
    expect(statSync(folder).mode & 0o777).toBe(0o755);
    expect(statSync(`${folder}/new.json`).mode & 0o777).toBe(0o600);
    expect(await world.bulla(['keys', 'generate', `${folder}/new.json`, ...like])).toMatchObject({ code: 1 });
    await rm(folder, { recursive: true });
  });

  it('public ones hold nothing private', async () => {
    const { stdout, stderr } = ok(await world.bulla(['keys', 'public']));
    const [, payload = ''] = stdout.split('.');
    expect(Buffer.from(payload, 'base64url').toString()).not.toMatch(/"(d|p|q|dp|dq|qi)"/);
    expect(stderr).toMatch(/^fingerprint [0-9a-f]{4}(:[0-9a-f]{4}){7}$/m);
  });

  it.each([
    ['a short passphrase', ['lock'], 'short\n', 2, 'at least 12 characters'],
    ['no passphrase', ['lock'], '', 2, 'nothing was given'],
    ['a file that is not there', ['lock', 'nothing.json'], '', 2, 'there is no file nothing.json'],
    ['a file that is not locked', ['unlock'], '', 1, 'is not locked'],
    ['a file without keys', ['lock', '@profile.json'], `${PASSPHRASE}\n`, 1, 'holds no private keys'],
  ] as const)('are not locked or unlocked by %s', async (_name, argv, stdin, code, told) => {
    const ended = await world.bulla(['keys', ...argv.map((one) => one.replace('@', `${home}/`))], { stdin });
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(told) });
  });
});
