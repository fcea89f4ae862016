import { Readable, Writable } from 'node:stream';
import {
  answerLines,
  conform,
  libraryPeer,
  PeerProcess,
  readVectors,
  reportOf,
  tryCrossings,
  tryVectors,
} from '@bulla/conformance';
import type { Outcome, Peer, Vector } from '@bulla/conformance';
import { describe, expect, it } from '@jest/globals';

/** An implementation in a line of JavaScript: `line` is the request. */
const node = (script: string) => [
  process.execPath,
  '-e',
  `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { ${script} })`,
];
const answering = (outcome: object) =>
  node(`console.log(JSON.stringify({ id: JSON.parse(line).id, ...${JSON.stringify(outcome)} }))`);

async function ask(command: readonly string[]): Promise<Outcome> {
  const peer = new PeerProcess(command);
  const outcome = await peer.ask('open', 'letter', {});
  await peer.stop();
  return outcome;
}

async function conformed(command: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await conform(command, (more) => {
    text += more;
  });
  return { code, text };
}

describe('an implementation', () => {
  it.each([[{ ok: { at: 1 } }], [{ refused: 'open_failed' }], [{ unsupported: true }], [{ failed: 'a bug' }]])(
    'answers %j',
    async (outcome) => expect(await ask(answering(outcome))).toEqual(outcome),
  );

  it.each([
    ['is not there', ['/nowhere/to/be/found'], 'cannot be started'],
    ['ends', node('process.exit(3)'), 'ended with 3'],
    ['is killed', node(`process.kill(process.pid, 'SIGTERM')`), 'ended with SIGTERM'],
    ['says something else', node(`console.log('Hello')`), 'said: Hello'],
    ['says what is no outcome', answering({ perhaps: true }), 'said: {"id":1,"perhaps":true}'],
    ['answers without a number', node(`console.log('{"ok":{}}')`), 'said: {"ok":{}}'],
  ])('that %s fails', async (_what, command, why) => {
    expect(await ask(command)).toEqual({ failed: expect.stringContaining(why) as unknown });
  });

  it('that hangs fails, is ended, and is not asked again', async () => {
    const peer = new PeerProcess(node('setInterval(() => {}, 1000)'), { answerWithinMs: 200 });
    const asked = [peer.ask('hello'), peer.ask('hello')];
    expect(await Promise.all(asked)).toEqual([{ failed: 'no answer in time' }, { failed: 'no answer in time' }]);
    expect(await peer.ask('hello')).toEqual({ failed: 'no answer in time' });
    await peer.stop();
  });

  it('is told by the next question that it ended', async () => {
    const peer = new PeerProcess(node('process.exit(3)'));
    await peer.ask('hello');
    await peer.stop();
    expect(await peer.ask('hello')).toEqual({ failed: 'ended with 3' });
  });

  it('gets its answers on its line', async () => {
    const lines: string[] = [];
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    await answerLines(Readable.from(['{"id":7,"op":"hello"}\n{"id":8,"op":"open","format":"x"}']), output, libraryPeer);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { id: 7, ok: { name: '@bulla/crypto' } },
      { id: 8, unsupported: true },
    ]);
  });
});

describe('a vector', () => {
  const vector = (expected: Vector['expected']): Vector => ({
    id: 'x/1',
    format: 'x',
    op: 'open',
    name: 'a vector',
    input: {},
    expected,
  });
  const always = (outcome: Outcome): Peer => ({ ask: () => Promise.resolve(outcome) });

  it.each<[Outcome, Vector['expected'], string]>([
    [{ ok: { a: 1 } }, { ok: { a: 1 } }, 'passed'],
    [{ ok: { a: 2 } }, { ok: { a: 1 } }, 'failed'],
    [{ ok: { a: 1, b: 1 } }, { ok: { a: 1 } }, 'failed'],
    [{ ok: {} }, { refused: 'open_failed' }, 'failed'],
    [{ refused: 'open_failed' }, { ok: {} }, 'failed'],
    [{ refused: 'open_failed' }, { refused: 'open_failed' }, 'passed'],
    [{ refused: 'token_malformed' }, { refused: 'open_failed' }, 'failed'],
    [{ refused: 'key_unknown' }, { refused: 'key_unknown', check: 'tag-key' }, 'passed'],
    [{ refused: 'key_unknown', check: 'tag-key' }, { refused: 'key_unknown', check: 'tag-key' }, 'passed'],
    [{ refused: 'key_unknown', check: 'tag-key' }, { refused: 'key_unknown' }, 'passed'],
    [{ refused: 'key_unknown', check: 'tag-signer' }, { refused: 'key_unknown', check: 'tag-key' }, 'failed'],
    [{ failed: 'a bug' }, { refused: 'open_failed' }, 'failed'],
    [{ unsupported: true }, { refused: 'open_failed' }, 'unsupported'],
  ])('that ends with %j and should with %j is %s', async (outcome, expected, status) => {
    expect(await tryVectors(always(outcome), [vector(expected)])).toMatchObject([{ id: 'x/1', status }]);
  });

  it('is named in the report where it fails', async () => {
    const results = await tryVectors(always({ ok: {} }), [vector({ refused: 'open_failed' }), vector({ ok: {} })]);
    expect(reportOf(results)).toBe(
      'FAILED x/1 a vector: {"ok":{}} instead of {"refused":"open_failed"}\nx: 1 passed, 1 failed, 0 unsupported\n',
    );
  });
});

describe('a crossing', () => {
  const AT = 1_795_608_000;
  const crossing = { id: 'x/1', format: 'x', name: 'a crossing', seal: {}, open: {}, ok: { text: 'a', at: AT } };
  const now = () => Math.floor(Date.now() / 1000);
  const sealing = (ok: object): Peer => ({ ask: () => Promise.resolve({ ok: { ...ok } }) });

  it.each([
    ['by the time it was told', {}, () => AT, 'passed'],
    ['by another time', {}, now, 'failed'],
    ['by its own clock', { clock: true }, now, 'passed'],
    ['by its own clock, which is an hour ahead', { clock: true }, () => now() + 3600, 'failed'],
    ['by its own clock, without a time', { clock: true }, () => undefined, 'failed'],
  ])('dated %s', async (_how, sealed, at, status) => {
    const opener = sealing({ text: 'a', at: at() });
    expect(await tryCrossings(sealing(sealed), opener, [crossing])).toMatchObject([{ status }]);
  });

  it('of one who does not seal is never opened', async () => {
    const refusing: Peer = { ask: () => Promise.resolve({ refused: 'key_invalid' }) };
    expect(await tryCrossings(refusing, sealing(crossing.ok), [crossing])).toMatchObject([{ status: 'failed' }]);
  });
});

describe('bulla-conformance', () => {
  it('says how it is used', async () => {
    for (const command of [[], ['--help']]) expect(await conformed(command)).toMatchObject({ code: 2 });
  });

  it('fails an implementation that opens everything, by every vector that must not open', async () => {
    const { code, text } = await conformed(answering({ ok: {} }));
    expect(code).toBe(1);
    const refused = readVectors().filter(({ expected }) => 'refused' in expected);
    expect(refused.filter(({ id }) => !text.includes(`FAILED ${id} `))).toEqual([]);
  });

  it('fails one that refuses everything, and one that has nothing', async () => {
    expect(await conformed(answering({ refused: 'open_failed' }))).toMatchObject({ code: 1 });
    expect(await conformed(answering({ unsupported: true }))).toMatchObject({ code: 1 });
  });
});
