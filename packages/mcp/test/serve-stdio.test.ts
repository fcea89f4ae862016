import { PassThrough } from 'node:stream';
import type { Bulla } from '@bulla/client';
import { describe, expect, it } from '@jest/globals';
import { AllowedNames } from '../src/allowed-names.js';
import { serveStdio } from '../src/serve-stdio.js';

/** A vault whose list comes when the test says so. */
function begin() {
  const [stdin, stdout, stop] = [new PassThrough(), new PassThrough(), new AbortController()];
  const listed = Promise.withResolvers<void>();
  const bulla = {
    prompts: {
      async *list() {
        await listed.promise;
        yield* [] as { name: string }[];
      },
    },
  } as unknown as Bulla;
  const allowed = new AllowedNames(['claims/*']);
  const ended = serveStdio({ bulla, allowed, version: '0', stdin, stdout, signal: stop.signal });
  return { stdin, stdout, stop, ended, listed };
}
const message = (id: number, method: string) => `${JSON.stringify({ jsonrpc: '2.0', id, method })}\n`;
const linesOf = (stdout: PassThrough) =>
  String(stdout.read() ?? '')
    .split('\n')
    .filter((line) => line !== '');

describe('a host on two streams', () => {
  it('is answered all that it asked before it closed its end, each with a line of its own', async () => {
    const { stdin, stdout, ended, listed } = begin();
    stdin.end(message(1, 'ping') + message(2, 'prompts/list'));
    setImmediate(() => listed.resolve());
    await ended;
    expect(linesOf(stdout).map((line) => JSON.parse(line) as unknown)).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 2, result: { prompts: [] } },
    ]);
  });

  it.each([
    ['the command is stopped', ({ stop }: ReturnType<typeof begin>) => stop.abort()],
    ['nobody reads any more', ({ stdout }: ReturnType<typeof begin>) => stdout.destroy(new Error('gone'))],
    ['what it says cannot be read', ({ stdin }: ReturnType<typeof begin>) => stdin.destroy(new Error('gone'))],
  ])('is left at once when %s, whatever it waits for', async (_name, end) => {
    const running = begin();
    running.stdin.write(message(1, 'prompts/list'));
    setImmediate(() => end(running));
    await expect(running.ended).resolves.toBeUndefined();
  });

  it('is not served by a command that was stopped before', async () => {
    const stdin = new PassThrough();
    const options = { bulla: {} as Bulla, allowed: new AllowedNames(['a']), version: '0', stdin };
    const served = serveStdio({ ...options, stdout: new PassThrough(), signal: AbortSignal.abort() });
    await expect(served).resolves.toBeUndefined();
  });
});
