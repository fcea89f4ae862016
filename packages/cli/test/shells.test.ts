import { execFile, spawnSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

const run = promisify(execFile);
const isThere = (shell: string) => spawnSync(shell, ['--version']).status === 0;
const onZsh = isThere('zsh') ? describe : describe.skip;
/** Keys are pressed in a terminal that zsh makes. */
const onBash = isThere('zsh') && isThere('bash') ? describe : describe.skip;
const onFish = isThere('fish') ? describe : describe.skip;

const URN = 'urn:bulla:dev:svc:responder:local';
/** A busy machine may take longer for the names than somebody at the keyboard waits for them. */
const TRIES = 10;
const KEYS_MS_MAX = 60_000;

let world: World;
let running: Running;
let device: string;
let env: Record<string, string | undefined>;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await mkdir(world.path('work'));
  const file = await world.file('work/my prompt.md', 'Sort this claim.\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', file, '--label', 'production']);
  ({ device } = JSON.parse((await world.done(['whoami', '--json'])).stdout) as { device: string });
  device = device.split(':').at(-1) ?? '';
  await mkdir(world.path('bin'));
  const command = fileURLToPath(new URL('../bin/bulla.js', import.meta.url));
  await world.file('bin/bulla', `#!/bin/sh\nexec '${process.execPath}' '${command}' "$@"\n`);
  spawnSync('chmod', ['+x', world.path('bin/bulla')]);
  env = { ...world.env, PATH: `${world.path('bin')}:${process.env['PATH']}`, HOME: world.path('work'), TERM: 'dumb' };
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** What is typed before the Tab key is pressed, and the command line that comes of it. */
const lines = (): [typed: string, completed: string][] => [
  ['prompt pus', 'prompt push'],
  ['prompt push --fi', 'prompt push --file'],
  ['prompt show claims/tr', 'prompt show claims/triage'],
  ['run claims/triage --label prod', 'run claims/triage --label production'],
  ['prompt confirm claims/triage@pro', 'prompt confirm claims/triage@production'],
  ['run --responder urn:bulla:d', `run --responder ${URN}`],
  [`device revoke ${device.slice(0, -3)}`, `device revoke ${device}`],
  ['completion z', 'completion zsh'],
  ['prompt push x -f my', 'prompt push x -f my prompt.md'],
];

/** Types each line into an interactive shell with Tab and Enter. In it `bulla` only says how it was called. */
async function typedInto(shell: string, begin: string): Promise<string[]> {
  const log = world.path('called');
  const typed = lines().map(([text]) => `bulla ${text}\t\n`);
  const script = `zmodload zsh/zpty
zpty shell ${begin}
zpty -w shell 'bulla() { if [[ $1 = __complete ]]; then command bulla "$@"; else printf "%s\\n" "$*" >> ${log}; fi; }'
zpty -w shell 'source <(command bulla completion ${shell})'
${typed.map((keys) => `zpty -w -n shell $'${keys.replaceAll('\t', '\\t').replaceAll('\n', '\\n')}'`).join('\n')}
zpty -w shell 'echo over >> ${log}'
until grep -q over ${log} 2>/dev/null; do zpty -r -t shell ignored || sleep 0.1; done
zpty -d shell`;
  await rm(log, { force: true });
  await run('zsh', ['-f', '-c', script], { env, cwd: world.path('work'), timeout: KEYS_MS_MAX });
  return readFileSync(log, 'utf8').split('\n').slice(0, -2);
}

async function eventually<Value>(what: () => Promise<Value>, isDone: (value: Value) => boolean): Promise<Value> {
  let value = await what();
  for (let tries = 1; tries < TRIES && !isDone(value); tries += 1) value = await what();
  return value;
}

const wanted = () => lines().map(([, completed]) => completed);
const isWanted = (called: readonly string[]) => called.join('\n') === wanted().join('\n');

onZsh('the Tab key in zsh', () => {
  it('completes commands, options, names and files', async () => {
    const called = await eventually(() => typedInto('zsh', 'zsh -f -i'), isWanted);
    expect(called).toEqual(wanted());
  });

  it('works from a file of the function path', async () => {
    await mkdir(world.path('functions'), { recursive: true });
    await world.file('functions/_bulla', (await world.done(['completion', 'zsh'])).stdout);
    const log = world.path('found');
    const script = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'fpath=(${world.path('functions')} $fpath); autoload -Uz compinit; compinit -u -D'
zpty -w shell 'bulla() { if [[ $1 = __complete ]]; then command bulla "$@"; else print -r -- "$*" >> ${log}; fi; }'
zpty -w -n shell $'bulla completion fi\\t\\n'
zpty -w -n shell $'bulla completion z\\t\\n'
until (( $(wc -l 2>/dev/null < ${log}) == 2 )); do zpty -r -t shell ignored || sleep 0.1; done
zpty -d shell`;
    await run('zsh', ['-f', '-c', script], { env, cwd: world.path('work'), timeout: KEYS_MS_MAX });
    expect(readFileSync(log, 'utf8')).toBe('completion fish\ncompletion zsh\n');
  });
});

onBash('the Tab key in bash', () => {
  it('completes commands, options, names and files', async () => {
    const called = await eventually(() => typedInto('bash', 'bash --norc -i'), isWanted);
    expect(called).toEqual(wanted());
  });
});

onFish('the Tab key in fish', () => {
  it('offers commands, options, names and files', async () => {
    const typed = [...lines().map(([text]) => text), 'run --label ', 'completion ', ''];
    const script = ['bulla completion fish | source', ...typed.map((text) => `complete -C'bulla ${text}'; echo`)];
    const offered = async () => {
      const how = { env, cwd: world.path('work'), timeout: KEYS_MS_MAX };
      const { stdout, stderr } = await run('fish', ['--no-config', '-c', script.join('\n')], how);
      expect(stderr).toBe('');
      return stdout.split('\n\n').map((group) => group.trim().split('\n'));
    };
    const single = [
      ['push'],
      ['--file'],
      ['claims/triage'],
      ['production'],
      ['claims/triage@production'],
      [URN],
      [device],
      ['zsh'],
      ['my prompt.md'],
      ['production', 'staging'],
      ['bash', 'fish', 'zsh'],
    ];
    const found = await eventually(offered, (groups) => JSON.stringify(groups.slice(0, 11)) === JSON.stringify(single));
    expect(found.slice(0, single.length)).toEqual(single);
    expect(found[single.length]).toContain('prompt');
  });
});
