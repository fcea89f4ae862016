import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const NAME = 'slow';

/** A model that says a word now and then to each who asks, until all are told to be done. */
export interface SlowModel {
  /** As `BULLA_LLM` wants it. */
  readonly target: string;
  readonly name: string;
  /** Answers that are being given. */
  open(): number;
  /** Ends them one after the other, so many a second. */
  finish(perSecond: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts one in this process, on a free port of this machine. */
export async function startSlowModel(everyMs: number): Promise<SlowModel> {
  const answers = new Set<ServerResponse>();
  const say = (response: ServerResponse, delta: object, finish: string | null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(`data: ${JSON.stringify({ model: NAME, choices })}\n\n`);
  };
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: NAME, object: 'model' }] }));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    answers.add(response);
    response.once('close', () => answers.delete(response));
    say(response, { role: 'assistant', content: 'So ' }, null);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  const timer = setInterval(() => {
    for (const response of answers) say(response, { content: 'on ' }, null);
  }, everyMs);
  return {
    target: `openai:http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    name: NAME,
    open: () => answers.size,
    async finish(perSecond) {
      for (const response of answers) {
        answers.delete(response);
        say(response, {}, 'stop');
        response.end('data: [DONE]\n\n');
        await pause(1000 / perSecond);
      }
    },
    async close() {
      clearInterval(timer);
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
