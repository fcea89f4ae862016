import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { deltasOf } from './responder.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

let world: World;
let server: Server;
let url: string;
let answer: (response: ServerResponse, request: { readonly texts: readonly string[] }) => void;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  server = createServer((request, response) => void readBody(request).then((body) => answer(response, body)));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/find`;
});
afterAll(async () => {
  server.closeAllConnections();
  await Promise.all([world.stop(), new Promise((resolve) => void server.close(resolve))]);
});
afterEach(() => {
  world.responder.questions.length = 0;
});

async function readBody(request: IncomingMessage): Promise<{ readonly texts: readonly string[] }> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === '' ? { texts: [] } : (JSON.parse(text) as { texts: string[] });
}

async function ask(content: string, detectorTimeoutMs = 5_000) {
  const client = await world.client(undefined, { pii: { mode: 'mask', detector: url, detectorTimeoutMs } });
  world.responder.script.deltas = () => deltasOf(['Yes.']);
  return client.chat.completions.create({ messages: [{ role: 'user', content }] });
}
const say = (body: unknown, status = 200) => {
  answer = (response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
};
const findings = (...found: readonly object[]) => ({ findings: [found] });
const sent = () => world.responder.questions[0]?.messages?.[0]?.content;

describe('a detector of somebody else', () => {
  it('gets every text, and what it finds is masked beside what ours find; places are code points', async () => {
    let asked: readonly string[] = [];
    answer = (response, { texts }) => {
      asked = texts;
      response.end(JSON.stringify(findings({ type: 'PERSON', start: 3, end: 6 })));
    };
    const told = await ask('😀😀 Ada writes to ada@example.org');
    expect(asked).toEqual(['😀😀 Ada writes to ada@example.org']);
    expect(sent()).toMatch(/^😀😀 <PERSON_1_[a-z2-7]+> writes to <EMAIL_1_[a-z2-7]+>$/);
    expect(told.pii?.found).toEqual({ PERSON: 1, EMAIL: 1 });
  });

  it('and ours may find the same: all of both is masked as one', async () => {
    say(findings({ type: 'SENTENCE_OF_SOMEBODY', start: 0, end: 20 }));
    await ask('Write to ada@example.org now');
    expect(sent()).toMatch(/^<SENTENCE_OF_SOMEBODY_1_[a-z2-7]+> now$/);
  });

  it.each([
    ['an error [guard: pii-detector-status]', () => say(findings(), 500)],
    ['no JSON', () => say('findings')],
    ['another form', () => say({ findings: [[{ type: 'X', start: 0, end: 1, score: 1 }]] })],
    ['a type that no placeholder can have', () => say(findings({ type: 'a b', start: 0, end: 1 }))],
    ['fewer lists than texts [guard: pii-detector-count]', () => say({ findings: [] })],
    ['a place after the end [guard: pii-detector-places]', () => say(findings({ type: 'X', start: 0, end: 999 }))],
    ['more than it may', () => say(`{"findings":[[]${' '.repeat(9_000_000)}]}`)],
    [
      'another address [guard: pii-detector-redirect]',
      () => {
        let isFirst = true;
        answer = (response) => {
          if (isFirst) response.writeHead(307, { location: url }).end();
          else response.end(JSON.stringify(findings()));
          isFirst = false;
        };
      },
    ],
    ['nothing', () => (answer = (response) => response.destroy())],
  ])('that answers with %s fails the question, and nothing is sent', async (_name, play) => {
    play();
    const error = await ask('canary').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'pii_policy_failed', status: 422 });
    expect(String(error)).not.toContain('canary');
    expect(world.responder.questions).toEqual([]);
  });

  it('that takes too long fails it as well', async () => {
    answer = () => undefined;
    await expect(ask('Hello', 20)).rejects.toMatchObject({ code: 'pii_policy_failed' });
    expect(world.responder.questions).toEqual([]);
  });
});
