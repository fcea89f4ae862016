import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { World } from './world.js';

/** man-db, which formats with groff. */
const isHere = spawnSync('man', ['--version']).status === 0 && spawnSync('groff', ['--version']).status === 0;
const onMan = isHere ? describe : describe.skip;

let world: World;
let folder: string;
let files: string[];
beforeAll(async () => {
  world = await World.make();
  folder = world.path('man1');
  await world.done(['man', '--out', folder]);
  files = readdirSync(folder);
});
afterAll(() => world.remove());

/** As a person reads it, in lines so wide that none is broken. */
function shown(...names: string[]) {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '400', MAN_KEEP_FORMATTING: '' };
  const paths = names.map((name) => `${folder}/${name}`);
  const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-P', 'cat', '-l', ...paths], {
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, stdout, stderr };
}

async function commandsBelow(...words: string[]): Promise<string[]> {
  const { stdout: help } = await world.done(['help', ...words]);
  const [, shownThere = ''] = /^Commands:\n((?: .*\n?)+)/m.exec(help) ?? [];
  const names = [...shownThere.matchAll(/^ {2}(\S+)/gm)].map(([, name = '']) => name);
  const below = names.filter((name) => words.length === 0 || name !== 'help');
  const deeper = await Promise.all(below.map((name) => commandsBelow(...words, name)));
  return [['bulla', ...words].join('-'), ...deeper.flat()];
}

describe('bulla man', () => {
  it('has a page for the program and each of its commands', async () => {
    const commands = await commandsBelow();
    expect(commands).toContain('bulla-device-invitations-revoke');
    expect(files.toSorted()).toEqual(commands.map((name) => `${name}.1`).toSorted());
  });

  it('prints the page of the command that is named, or of the program', async () => {
    const page = (name: string) => readFileSync(`${folder}/${name}.1`, 'utf8');
    expect((await world.done(['man', 'prompt', 'push'])).stdout).toBe(page('bulla-prompt-push'));
    expect((await world.done(['man'])).stdout).toBe(page('bulla'));
    expect(await world.bulla(['man', 'prompt', 'psh'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean prompt push?'),
    });
    expect(await world.bulla(['man', 'prompt', '--out', folder])).toMatchObject({ code: 2 });
    expect(await world.bulla(['man', '--out', '/dev/null/man'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot make the folder /dev/null/man'),
    });
  });
});

onMan('what man shows', () => {
  it('is nothing to warn of', () => {
    const { status, stderr } = shown(...files);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const planted = spawnSync('man', ['--warnings', '-l', '-'], { input: '.TH A 1\n.XX\n', encoding: 'utf8' });
    expect(planted.stderr).toContain('XX');
  });

  it('has every option, and every line of an example to copy, character for character', async () => {
    let examples = 0;
    for (const words of [['prompt'], ['run'], ['trust', 'accept'], ['seal'], ['up'], ['completion']]) {
      const { stdout } = shown(`bulla-${words.join('-')}.1`);
      const lines = new Set(stdout.split('\n').map((line) => line.trim()));
      const { stdout: help } = await world.done(['help', ...words]);
      for (const [, example = ''] of help.matchAll(/^ {2}(\$ .*|\w+: {2}.*)$/gm)) {
        expect(lines).toContain(example);
        examples += 1;
      }
      const [, options = ''] = /^Options:\n((?: .*\n)+)/m.exec(help) ?? [];
      for (const [, option = ''] of options.matchAll(/^ {2}(-.*?)(?: {2}|$)/gm))
        expect([...lines].some((line) => line === option || line.startsWith(`${option} `))).toBe(true);
    }
    expect(examples).toBeGreaterThan(20);
  });
});
