import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROBLEMS } from '@bulla/contract';
import { isLongRun, randomFrom, seedOfRun, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from './second-person.js';

// Two providers behind one name. When one goes away the other answers, and the answer says so; when both are gone, there
// is an error that can be retried, and never half an answer that is signed as a whole one.

const TOKENS = Array.from({ length: 40 }, (_, number) => `word${number} `);
const MODELS = (first: string, second: string) => `upstreams:
  first: {url: "${first}"}
  second: {url: "${second}"}
models:
  large:
    targets: [{upstream: first, name: model-of-first}]
    fallbacks: [{upstream: second, name: model-of-second}]
`;
/** Moments at which a server is killed. */
const KILLS = isLongRun() ? 20 : 3;

let folder: string;
let settings: Readonly<Record<string, string>>;
let running: RunningCommand;
let [first, second] = [await startFakeOpenai(), await startFakeOpenai()];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s10-'));
  const file = join(folder, 'models.yaml');
  await writeFile(file, MODELS(first.url, second.url));
  settings = { BULLA_HOME: join(folder, 'home'), BULLA_MODELS_FILE: file };
  running = await startUp(settings);
  await succeed(['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'], settings, 'Say hello.\n');
});
afterAll(async () => {
  await running.stop();
  await Promise.all([first.stop(), second.stop()]);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  for (const server of [first, second]) server.follow({ replies: { tokens: TOKENS } });
});

/** Runs the prompt, and keeps its answer as a file. */
async function answer(): Promise<{ readonly file: string; readonly model: string }> {
  const file = join(folder, 'answer.json');
  const { stdout } = await succeed(['run', 'claims/triage', '--json'], settings);
  await writeFile(file, stdout);
  const { stdout: verdict } = await succeed(['verify', file], settings);
  return { file, model: /model=(\S+)/.exec(verdict)?.[1] ?? '' };
}
describe('a provider that goes away', () => {
  it('is replaced by the other, whom the signed answer names, and comes back', async () => {
    expect((await answer()).model).toBe('model-of-first');
    const { port } = first;
    await first.stop();
    const { model, file } = await answer();
    expect(model).toBe('model-of-second');
    expect(await readFile(file, 'utf8')).not.toContain('model-of-first');
    first = await startFakeOpenai({ replies: { tokens: TOKENS } }, port);
    expect((await answer()).model).toBe('model-of-first');
  });

  it('in the middle of its answer leaves an error, and nobody adds the other half', async () => {
    const random = randomFrom(seedOfRun());
    for (let kill = 0; kill < KILLS; kill += 1) {
      const afterTokens = 1 + Math.floor(random() * (TOKENS.length - 1));
      const asked = second.requests.length;
      first.follow({ replies: { tokens: TOKENS, faults: [{ kind: 'cut', afterTokens }] } });
      const { status, stdout, stderr } = await bulla(['run', 'claims/triage', '--json'], settings);
      expect({ afterTokens, status, asked: second.requests.length }).toEqual({ afterTokens, status: 8, asked });
      expect(stderr).toContain('upstream_unavailable');
      expect(stdout).not.toContain('"fin"');
    }
  });

  it('before its first word is replaced without a trace of what it began', async () => {
    first.follow({ replies: { tokens: TOKENS, faults: [{ kind: 'cut', afterTokens: 0 }] } });
    expect((await answer()).model).toBe('model-of-second');
  });

  it('with the other one leaves an error that may be retried, and no answer', async () => {
    const port = second.port;
    first.follow({ replies: { status: 500 } });
    await second.stop();
    const { status, stdout, stderr } = await bulla(['run', 'claims/triage', '--json'], settings);
    expect(status).toBe(8);
    expect(stdout).not.toContain('"fin"');
    const told = stderr.split('\n').find((line) => line.startsWith('{')) ?? stdout;
    const { code } = JSON.parse(told) as { code: 'upstream_unavailable' };
    expect([code, PROBLEMS[code].retryable]).toEqual(['upstream_unavailable', true]);
    second = await startFakeOpenai({ replies: { tokens: TOKENS } }, port);
    first.follow({ replies: { tokens: TOKENS } });
    expect((await answer()).model).toBe('model-of-first');
  });
});
