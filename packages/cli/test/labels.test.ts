import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

const PLACE = 'claims/triage@production';
let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.bulla(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  // A person who confirms needs a renewer's word that nothing came later.
  await world.done(['trust', 'renew']);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const confirm = (options: string[] = []) => world.bulla(['prompt', 'confirm', PLACE, ...options]);
const run = () => world.bulla(['run', 'claims/triage', '--var', 'claim=Water.']);

describe('bulla prompt confirm', () => {
  it('shows the text that the label stands at, and signs for the content that is named', async () => {
    const refused = await confirm();
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('Sort this claim.');
    const [, content = ''] = /--yes --expect (sha256:[\w-]{43})/.exec(refused.stderr) ?? [];
    const wrong = await confirm(['--yes', '--expect', `sha256:${'A'.repeat(43)}`]);
    expect(wrong).toMatchObject({ code: 10, stdout: '', stderr: expect.stringContaining('nothing was signed') });
    const signed = await confirm(['--yes', '--expect', content]);
    expect(signed).toMatchObject({ code: 0, stdout: 'claims/triage  production → v1 confirmed  (move 1)\n' });
    const again = await confirm(['--yes', '--expect', content, '--json']);
    expect(JSON.parse(again.stdout)).toEqual({ name: 'claims/triage', label: 'production', seq: 1, version: 1 });
  });

  it.each([['claims/triage'], ['claims/triage@'], ['Claims@production']])(
    'takes a name and a label, not %s',
    async (place) => {
      expect(await world.bulla(['prompt', 'confirm', place])).toMatchObject({ code: 2 });
    },
  );
});

describe('bulla prompt list', () => {
  const [day, time] = [/\d{4}-\d\d-\d\d/, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/].map(({ source }) => source);

  it('says both dates of each label, at a narrow terminal a line for each', async () => {
    const read = await world.done(['prompt', 'list'], { atTerminal: true, columns: 60 });
    for (const line of read.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    const narrow = await world.done(['prompt', 'list'], { atTerminal: true, columns: 50 });
    const record = `^PROMPT        claims/triage\nLABEL         production\nAT            v1\nSIGNED UNTIL  ${day}\nNEWEST UNTIL  ${day}$`;
    expect(narrow.stdout).toMatch(new RegExp(record, 'm'));
  });

  it('says them for programs as show does', async () => {
    const [listed] = JSON.parse((await world.done(['prompt', 'list', '--json'])).stdout) as [{ labels: object[] }];
    const shown = JSON.parse((await world.done(['prompt', 'show', 'claims/triage', '--json'])).stdout) as object;
    const dates = { signed_until: expect.stringMatching(time ?? ''), newest_until: expect.stringMatching(time ?? '') };
    expect(listed.labels).toContainEqual(expect.objectContaining({ label: 'production', version: 1, ...dates }));
    expect(shown).toMatchObject({ labels: listed.labels });
  });
});

describe('a vault that contradicts what this machine remembers', () => {
  it('is not followed, is named by doctor, and followed once somebody chose', async () => {
    expect(await run()).toMatchObject({ code: 0 });
    const file = world.path('home/trust.json');
    const state = JSON.parse(await readFile(file, 'utf8')) as [[string, { names: [string, { labels: Head[] }][] }]];
    const head = state[0][1].names[0]?.[1].labels.find(({ label }) => label === 'production');
    if (head === undefined) throw new Error('nothing is remembered');
    Object.assign(head, { pos: 'A'.repeat(43) });
    await writeFile(file, JSON.stringify(state));
    const refused = await run();
    expect(refused).toMatchObject({ code: 10, stdout: '' });
    expect(refused.stderr).toContain(`bulla prompt adopt ${PLACE}`);
    expect((await world.bulla(['doctor'])).stdout).toContain(`the vault contradicted what was seen of ${PLACE}`);
    const shown = JSON.parse((await world.bulla(['prompt', 'adopt', PLACE, '--json'])).stdout) as Record<
      string,
      object
    >;
    expect(shown).toMatchObject({
      remembered: { pos: 'A'.repeat(43), seq: 1 },
      shown: { seq: 1, version: 1, given: 1 },
    });
    expect(await world.bulla(['prompt', 'adopt', PLACE], { stdin: 'no\n' })).toMatchObject({ code: 2 });
    expect(await run()).toMatchObject({ code: 10 });
    const adopted = await world.bulla(['prompt', 'adopt', PLACE], { stdin: 'yes\n' });
    expect(adopted).toMatchObject({ code: 0, stdout: `${PLACE}  move 1 adopted\n` });
    expect(adopted.stderr).toContain('signed by this device on');
    expect(await run()).toMatchObject({ code: 0 });
    expect((await world.bulla(['doctor'])).stdout).not.toContain('contradicted');
    // Said again of what is remembered, it counts for some days more.
    expect(await world.bulla(['prompt', 'adopt', PLACE])).toMatchObject({ code: 2, stdout: '' });
    const again = await world.bulla(['prompt', 'adopt', PLACE], { stdin: 'yes\n' });
    expect(again).toMatchObject({ code: 0, stdout: `${PLACE}  move 1 adopted\n` });
  });
});

// Last, since some commands above look at every prompt that there is.
describe('a list of many prompts', () => {
  it('asks for dates of no more prompts than a key may at once, and says so', async () => {
    for (let n = 0; n < 40; n += 1) await world.done(['prompt', 'push', `many/n${n}`, '-f', world.path('triage.md')]);
    const { stdout, stderr } = await world.done(['prompt', 'list', '--json']);
    const labels = (JSON.parse(stdout) as { labels: object[] }[]).flatMap((one) => one.labels);
    expect(labels.filter((one) => !('signed_until' in one))).toHaveLength(1);
    expect(stderr).toBe('dates of the labels of the first 40 prompts; for others: bulla prompt list PREFIX\n');
  });
});

interface Head {
  readonly label: string;
}
