import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { letIn, sign, succeed, WAITS } from '../stories/second-person.js';
import type { ShownCommand } from './console-blocks.js';
import { type GuidePage, itKeepsTo } from './guide-page.js';
import { runPlain, runSigned } from './shell.js';

// What the pages about people and about approvals show is what their commands print, in a development organisation.

type Settings = Readonly<Record<string, string>>;

/** Asked at a terminal only, so not printed here; and what a page leaves out. */
const QUESTIONS =
  /^(Ask the people who signed\. .*|code of the invitation:|the eight words that the device shows:|(revoke dev_|sign this policy).* \(yes\/no\)|\[…\])$/;

const database = await databaseForTest();

let folder: string;
let running: RunningCommand;
let owner: Settings;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-guide-'));
  owner = {
    BULLA_HOME: join(folder, 'owner'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  running = await startUp(owner);
  await writeFile(join(folder, 'triage.md'), 'Sort this claim.\n\n{{claim}}\n');
});
afterAll(async () => {
  await running.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A line without what differs from one organisation to the next. */
function shapeOf(line: string): string {
  return line
    .replaceAll(/\b(usr|dev|enr|apr)_[0-9a-z]{26}\b/g, '$1_')
    .replaceAll(/\bsha256:([\w-]+|…)/g, 'HASH')
    .replaceAll(/[0-9a-f]{4}(:[0-9a-f]{4}){7}|[0-9a-f]{4}:…/g, 'FINGERPRINT')
    .replaceAll(/\bbulla1_[\w-]+…?/g, 'bulla1_')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(/\burn:bulla:(acme|dev):/g, 'urn:bulla:')
    .replaceAll(/\bsvc:responder:(main|local)\b/g, 'svc:responder')
    .replaceAll(/\bresponder (main|local)\b/g, 'responder')
    .replaceAll(/\b(version|move|keep) \d+/g, '$1 N')
    .replaceAll(/\b\d+ texts?( it wrote)? (is|are)\b/g, 'N texts$1 are')
    .replaceAll(/@\d+/g, '@N')
    .replace(/^words +.*/, 'words')
    .replace(/ in \S*responder\.new\.json$/, ' in FILE')
    .replaceAll(/ +/g, ' ')
    .trimEnd();
}

/** The lines that a page shows and a command did not print. */
function missing(shown: string, printed: string): string[] {
  const lines = new Set(printed.split('\n').map(shapeOf));
  return shown.split('\n').filter((line) => line !== '' && !QUESTIONS.test(line) && !lines.has(shapeOf(line)));
}

/** Runs a command of a page as it stands there, but for what only this organisation can know. */
async function show(
  page: GuidePage,
  shown: ShownCommand | undefined,
  by: Settings,
  { input = '', from = '', to = '', cwd = folder } = {},
): Promise<string> {
  if (shown === undefined) throw new Error('the page shows fewer commands');
  const command = from === '' ? shown.command : shown.command.replace(from, to);
  const isSigned =
    /^bulla (approve yes|prompt promote|prompt confirm|trust renew --adopt)\b/.test(command) &&
    !command.includes('--expect');
  const run = () => (isSigned ? runSigned(command, cwd, by, runPlain) : runPlain(command, cwd, by, input));
  let { status, output } = await run();
  // A service takes a file that was put in place within two seconds.
  while (output.includes('its new key file is not in place')) {
    await pause(250);
    ({ status, output } = await run());
  }
  const at = page.take(shown);
  // What the page shows to wait for others ends with a status of its own.
  const ends = shown.output.includes('⏸') ? WAITS : 0;
  expect({ at, status, printed: status === ends ? '' : output }).toMatchObject({
    at,
    status: ends,
    printed: '',
  });
  expect({ at, missing: missing(shown.output, output) }).toEqual({ at, missing: [] });
  return output;
}

itKeepsTo({
  path: 'docs/guide/people.md',
  says: 'shows how people come in and leave, and how a responder gets new keys',
  walk: async (page) => {
    const [invite, enrol, approve, byWords, reseal, revoke, ...later] = page.commands;
    const [inviteRenewer, enrolRenewer, adopt, renew, generate, publish, accept, resealKeys, ...ofVault] = later;
    const [generateVault, publishVault, acceptVault, ...more] = ofVault;
    expect(more).toEqual([]);
    const [laptop, phone] = [{ BULLA_HOME: join(folder, 'laptop') }, { BULLA_HOME: join(folder, 'phone') }];
    const letter = ['prompt', 'push', 'claims/letter', '-f', '-'];
    await succeed([...letter, '--label', 'production'], owner, 'One.\n');
    for (const text of ['Two.\n', 'Three.\n']) await succeed(letter, owner, text);
    const code = /bulla1_\S+/.exec(await show(page, invite, owner))?.[0] ?? '';
    await show(page, enrol, laptop, { input: code, from: ' --wait' });
    await show(page, approve, owner);
    await succeed(['device', 'enrol'], laptop);

    const other = await succeed(['device', 'invite', '--role', 'invoker', '--label', 'phone'], owner);
    const { stdout: asked } = await succeed(['device', 'enrol'], phone, other.stdout);
    const records = join(folder, 'owner/invitations.json');
    await rename(records, `${records}.kept`);
    await show(page, byWords, owner, { input: /^words +(.*)/m.exec(asked)?.[1] ?? '' });
    await rename(`${records}.kept`, records);

    await show(page, reseal, owner);

    await succeed(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md')], laptop);
    await show(page, revoke, owner, { input: 'yes\n' });

    // What the device wrote counts no more: somebody else says where the label stands, and goes on.
    await succeed(['prompt', 'adopt', 'claims/triage@latest'], owner, 'yes\n');
    await writeFile(join(folder, 'triage.md'), 'Sort this claim, and say why.\n\n{{claim}}\n');
    await succeed(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md')], owner);
    await succeed(['trust', 'renew'], owner);
    const renewer = { BULLA_HOME: join(folder, 'renewer') };
    const itsHome = 'BULLA_HOME=/var/lib/bulla-renew bulla';
    const itsCode = /bulla1_\S+/.exec(await show(page, inviteRenewer, owner))?.[0] ?? '';
    await show(page, enrolRenewer, renewer, {
      input: itsCode,
      from: `${itsHome} device enrol --renewer --wait`,
      to: 'bulla device enrol --renewer',
    });
    await succeed(['device', 'approve'], owner, 'yes\n');
    await succeed(['device', 'enrol'], renewer);
    await show(page, adopt, renewer, { input: 'yes\n', from: itsHome, to: 'bulla' });
    // It would go on until it is stopped.
    await show(page, renew, renewer, { from: renew?.command ?? '', to: 'bulla trust renew' });

    const cwd = join(folder, 'owner');
    await show(page, generate, owner, { cwd, from: '~/.bulla', to: cwd });
    const stated = await show(page, publish, owner, { cwd });
    await rename(join(cwd, 'responder.new.json'), join(cwd, 'services/responder.keys.json'));
    await show(page, accept, owner, { cwd, from: '5b21:…', to: /fingerprint (\S+)/.exec(stated)?.[1] ?? '' });
    expect((await bulla(['doctor'], owner)).stdout).toMatch(
      / grants +.*claims\/letter v1 for responder \w+ \(encryption key [0-9a-f:]{9}\)/,
    );
    await show(page, resealKeys, owner);
    expect((await bulla(['doctor'], owner)).stdout).not.toContain('claims/letter v1 for');

    await copyFile(join(cwd, 'services/vault.keys.json'), join(cwd, 'vault.keys.json'));
    await show(page, generateVault, owner, { cwd });
    const ofItself = await show(page, publishVault, owner, { cwd });
    await rename(join(cwd, 'vault.new.json'), join(cwd, 'services/vault.keys.json'));
    await show(page, acceptVault, owner, { cwd, from: '09c4:…', to: /fingerprint (\S+)/.exec(ofItself)?.[1] ?? '' });
  },
});

itKeepsTo({
  path: 'docs/guide/approvals.md',
  says: 'shows how two people move a label, and move it back',
  walk: async (page) => {
    const author = ['--role', 'author', '--group', 'grp:authors', '--group', 'grp:members'];
    const second = await letIn(folder, owner, 'second', ...author);
    const { stdout: listed } = await bulla(['prompt', 'history', 'claims/triage', '--json'], owner);
    const there = listed === '' ? 0 : (JSON.parse(listed) as unknown[]).length;
    // The device that pushed it first is revoked, by the page before: its word for the label counts no more.
    if (there > 0) await succeed(['prompt', 'adopt', 'claims/triage@latest'], owner, 'yes\n');
    for (let version = there + 1; version <= 5; version += 1) {
      await writeFile(join(folder, 'five.md'), `Version ${version}.\n`);
      await succeed(['prompt', 'push', 'claims/triage', '-f', join(folder, 'five.md')], owner);
    }
    // The page begins where the label is at its first position.
    await sign(['prompt', 'promote', 'claims/triage', '4', '--label', 'production'], owner);
    let approval = '';
    expect(page.commands.length).toBeGreaterThan(6);
    for (const command of page.commands) {
      // An hour later: the renewer has seen the move.
      if (command.command.startsWith('bulla prompt confirm')) await succeed(['trust', 'renew'], owner);
      const isSecond = approval !== '' && /^bulla (approve|prompt adopt|prompt show)/.test(command.command);
      const from = /apr_\w+/.exec(command.command)?.[0] ?? '';
      const printed = await show(page, command, isSecond ? second : owner, { from, to: approval, input: 'yes\n' });
      approval = /\bapr_\w+/.exec(printed)?.[0] ?? approval;
      if (!command.command.startsWith('bulla policy show')) continue;
      const file = join(folder, 'policy.json');
      const policy = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
      const rules = JSON.parse(`{${page.use('json')}}`) as object;
      await writeFile(file, JSON.stringify({ ...policy, ...rules }));
    }
  },
});

it('a page that shows another output is seen', () => {
  const printed = '✔ in: urn:bulla:dev:dev:dev_01m88efjraftx8sw5rdg9e5866\ndirectory version 2; it may begin at once\n';
  const page = '✔ in: urn:bulla:acme:dev:dev_01m88efjraftx8sw5rdg9e5867\ndirectory version 7; it may begin soon\n';
  expect(missing(page, printed)).toEqual(['directory version 7; it may begin soon']);
});
