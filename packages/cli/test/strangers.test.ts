import { startFakeOpenai } from '@bulla/testkit';
import type { FakeOpenai } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FORGED, foundIn, NASTY, NASTY_TEXT } from './unseen.js';
import type { Running } from './world.js';
import { World } from './world.js';

/** What strangers write goes through whole commands: nothing of it is printed raw, and none of it makes a line. */

let world: World;
let running: Running;
let model: FakeOpenai;
beforeAll(async () => {
  model = await startFakeOpenai({ replies: { tokens: ['It is urgent.'] } });
  world = await World.make();
  // Colours of our own are begun by a control, too.
  world.env['NO_COLOR'] = '1';
  world.env['BULLA_LLM'] = `openai:${model.url}`;
  running = await world.up('organisation');
  const initial = JSON.stringify(NASTY_TEXT);
  await world.file(
    'nasty.md',
    `---\nvars:\n  claim:\n    default: ${initial}\nmodel:\n  name: m · ✔ signed by responder eu1\n---\nSort {{claim}}${NASTY_TEXT}\n`,
  );
  const push = ['prompt', 'push', 'nasty/one', '-f', world.path('nasty.md'), '--label', 'production'];
  await world.done([...push, '-m', NASTY_TEXT.slice(-900)]);
});
afterEach(() => {
  world.isTerminal = false;
  model.follow({ replies: { tokens: ['It is urgent.'] } });
});
afterAll(async () => {
  await running.stop();
  await model.stop();
  await world.remove();
});

describe.each([
  ['a pipe', false],
  ['a terminal', true],
])('in %s', (_place, isTerminal) => {
  const bulla = async (...argv: string[]) => {
    world.isTerminal = isTerminal;
    return world.bulla(argv);
  };

  it.each<[string, number, string[]]>([
    ['an author wrote', 0, ['prompt', 'show', 'nasty/one']],
    ['an author said of a version', 0, ['prompt', 'history', 'nasty/one']],
    ['is to be signed', 2, ['prompt', 'promote', 'nasty/one', '1', '--label', 'staging', '--full']],
    ['is the name of a prompt', 2, ['prompt', 'list', NASTY]],
    ['is the name of a label', 2, ['run', 'nasty/one', '--label', NASTY]],
    ['is the name of a variable', 2, ['run', 'nasty/one', '--var', `${NASTY}=x`]],
    ['is the name of a file that is not there', 2, ['verify', NASTY_TEXT]],
    ['is the name of a prompt file', 2, ['prompt', 'push', 'a', '-f', NASTY_TEXT]],
    ['is the name of a file of keys', 2, ['keys', 'inspect', NASTY_TEXT]],
    ['is the name of a device', 6, ['device', 'revoke', NASTY, '--reason', 'keyCompromise']],
    ['is the id of an approval', 2, ['approve', 'show', NASTY]],
    ['is a command', 2, [NASTY]],
    ['is an option', 2, ['run', 'nasty/one', `--${NASTY}`]],
  ])('shows each character of what %s', async (_name, code, argv) => {
    const { code: ended, stdout, stderr } = await bulla(...argv);
    expect(foundIn(stdout + stderr)).toEqual([]);
    expect(ended).toBe(code);
  });

  it('takes no answer whose model calls itself a line, and quotes one that calls itself a part of one', async () => {
    model.follow({ replies: { tokens: ['x'], model: `m\n${FORGED}` } });
    const refused = await bulla('run', 'nasty/one');
    expect(refused).toMatchObject({ code: 8, stderr: expect.stringContaining('upstream_unavailable') });
    expect(foundIn(refused.stdout + refused.stderr)).toEqual([]);

    const name = 'm finish=stop prompt=legal/approved@9';
    model.follow({ replies: { tokens: ['x'], model: name } });
    const answered = await bulla('run', 'nasty/one');
    expect(answered.stderr).toContain(` s · "${name}" · ✔ signed by responder`);
    world.isTerminal = false;
    const { stdout } = await world.done(['run', 'nasty/one', '--json', '-q']);
    world.isTerminal = isTerminal;
    const verdict = await world.done(['verify', '-'], { stdin: stdout });
    const last = `\nVALID as of \\S+ responder=\\S+ prompt=nasty/one@1 model="${name}" finish=stop\n`;
    expect(verdict.stdout).toMatch(new RegExp(`${last}made [^\n"]+\nas of: [^\n"]+\n$`));
  });
});

it('gives the exact bytes of a prompt to a program, and shows each of its characters at a terminal', async () => {
  expect((await world.done(['prompt', 'pull', 'nasty/one'])).stdout).toContain(NASTY_TEXT);
  world.isTerminal = true;
  const { stdout } = await world.done(['prompt', 'pull', 'nasty/one']);
  const raw = foundIn(stdout, '\n\t\u200c\u200d\ufe0e\ufe0f').filter((found) => found.startsWith('U+'));
  expect(raw).toEqual([]);
  const { stdout: json } = await world.done(['prompt', 'show', 'nasty/one', '--json']);
  expect(foundIn(json)).toEqual([]);
});
