import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { letIn, succeed } from '../stories/second-person.js';
import type { ShownCommand } from './console-blocks.js';
import { type GuidePage, itKeepsTo } from './guide-page.js';
import { runShown } from './shell.js';

// What the page about audits shows is what its commands print, in a development organisation.

type Settings = Readonly<Record<string, string>>;

let folder: string;
let running: RunningCommand;
let owner: Settings;
let auditor: Settings;
let prompt: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-audit-guide-'));
  owner = { BULLA_HOME: join(folder, 'owner') };
  running = await startUp(owner);
  const ci = await letIn(folder, owner, 'ci', '--role', 'invoker', '--group', 'grp:members');
  auditor = await letIn(folder, owner, 'auditor', '--role', 'auditor');
  await succeed(['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'], owner, 'Sort: {{claim}}\n');
  const run = await succeed(['run', 'claims/triage', '--var', 'claim=Water.', '--json'], ci);
  await writeFile(join(folder, 'answer.json'), run.stdout);
  const { device } = JSON.parse((await succeed(['whoami', '--json'], ci)).stdout) as { device: string };
  const devices = JSON.parse((await succeed(['device', 'list', '--json'], owner)).stdout) as Record<string, string>[];
  const user = devices.find(({ urn }) => urn === device)?.['user'] ?? '';
  await succeed(['people', 'name', user, 'ci'], auditor);
  for (;;) {
    const { stdout } = await succeed(['audit', 'show', 'claims/triage'], auditor);
    prompt = stdout.split('\n')[0] ?? '';
    // Vault and responder sign what is in their logs each in its own time.
    if (stdout.includes('was allowed to run') && stdout.includes('answered inv_')) break;
    await pause(200);
  }
});
afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A line without what differs from one organisation to the next. */
function shapeOf(line: string): string {
  return (
    line
      .replaceAll(/\b([a-z]{3})_[0-9a-z]{26}\b/g, '$1_')
      .replaceAll(/[0-9a-f]{4}(:[0-9a-f]{4}){7}/g, 'FINGERPRINT')
      .replaceAll(/\bbulla\/[0-9a-f]{16}\//g, 'bulla/PIN/')
      .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:]+(\.\d+Z|Z)?/g, 'TIME')
      .replaceAll(/\b(head=|receipt |whash=)[\w-]+…?/g, '$1HASH')
      .replaceAll(/\b\d+( of the \d+)? (entries|entry|events|new files?)\b/g, 'N $2')
      .replaceAll(/(#| vault +|entry |directory )\d+/g, '$1N')
      .replaceAll(/\+[0-9a-f]{8}\+[\w+/]{44}/g, '+KEY')
      // How many pieces an answer came in, the clock decides.
      .replaceAll(/\bstop, \d+ pieces?/g, 'stop, N pieces')
      .replaceAll(/ +/g, ' ')
      .trimEnd()
  );
}

/** Has the policy name a witness, as the page says. */
async function nameWitness(key: string): Promise<void> {
  const { stdout } = await succeed(['policy', 'show'], owner);
  const policy = { ...(JSON.parse(stdout) as object), witnesses: { quorum: 1, keys: [key] } };
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy));
  await succeed(['policy', 'set', join(folder, 'policy.json'), '--yes'], owner);
  // A responder asks for newer documents each minute, or when it is shown an envelope under them.
  await succeed(['run', 'claims/triage', '--var', 'claim=Fire.'], owner);
}

/** Runs a command of the page as it stands there, but for the pin and the prompt, which only this organisation has. */
async function show(page: GuidePage, shown: ShownCommand | undefined, by: Settings): Promise<void> {
  if (shown === undefined) throw new Error('the page shows fewer commands');
  const pin = (await succeed(['trust', 'pin'], auditor)).stdout.trim();
  const command = shown.command.replace('sha256:3f…', pin).replace(/\bprm_\w+/, prompt);
  const { status, output } = await runShown(command, folder, by);
  expect({ at: page.take(shown), status, printed: status === 0 ? '' : output }).toMatchObject({
    status: 0,
    printed: '',
  });
  const lines = new Set(output.split('\n').map(shapeOf));
  const missing = shown.output.split('\n').filter((line) => !['', '[…]'].includes(line) && !lines.has(shapeOf(line)));
  expect({ command, missing, printed: missing.length === 0 ? '' : output }).toEqual({
    command,
    missing: [],
    printed: '',
  });
}

itKeepsTo({
  path: 'docs/guide/audit.md',
  says: 'shows how the log is read, verified and exported, what an export proves elsewhere, and what can be erased',
  walk: async (page) => {
    const [list, lines, story, verify, witness, pass, exported, ...rest] = page.commands;
    const [elsewhere, told, answer, erase, setAside, ...more] = rest;
    expect(more).toEqual([]);
    for (const shown of [list, story, verify, witness]) await show(page, shown, auditor);
    const state = JSON.parse(
      await readFile(join(auditor['BULLA_HOME'] ?? '', 'witness/witness.json'), 'utf8'),
    ) as object;
    await nameWitness((state as { key: string }).key);
    for (const shown of [pass, exported]) await show(page, shown, auditor);
    // Without `jq`, which not every machine has.
    const [, args = ''] = /^bulla (.*) \| jq -r \.entry\.obj\.prompt$/.exec(lines?.command ?? '') ?? [];
    const { stdout } = await bulla(args.split(' '), auditor);
    const [entry] = stdout.split('\n');
    expect(JSON.parse(entry ?? '')).toMatchObject({ entry: { obj: { prompt } } });
    if (lines !== undefined) page.take(lines);
    const stranger = { BULLA_HOME: join(folder, 'stranger'), BULLA_URL: 'http://127.0.0.1:2' };
    for (const shown of [elsewhere, told]) await show(page, shown, stranger);
    await show(page, answer, auditor);
    for (const shown of [erase, setAside]) await show(page, shown, owner);
  },
});
