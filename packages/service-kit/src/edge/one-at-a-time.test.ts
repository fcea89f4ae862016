import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { OneAtATime } from './one-at-a-time.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  connection: { readonly endAfterAnswers: () => boolean },
) => void;

/** What a connection is told that sends requests in one piece, and which of them began. */
async function send(requests: string, answer: Answer) {
  const begun: (string | undefined)[] = [];
  const oneAtATime = new OneAtATime(() => {});
  const server = createServer((request, response) => {
    const begin = () => {
      begun.push(request.url);
      // All of the piece has to be here.
      const { socket } = request;
      setImmediate(() => answer(request, response, { endAfterAnswers: () => oneAtATime.endAfterAnswers(socket) }));
    };
    oneAtATime.enter({ request, response, begin });
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  let text = '';
  client.setEncoding('latin1').on('data', (part: string) => (text += part));
  client.write(requests);
  await once(client, 'close');
  return { begun, bodies: text.match(/the (first|second)/g) };
}
const say: Answer = ({ url }, response) => void response.end(`the ${url?.slice(1)}`);
const FIRST = 'GET /first HTTP/1.1\r\nhost: x\r\n\r\n';
const SECOND = 'GET /second HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe('a request behind another', () => {
  it('begins when that one is answered', async () => {
    expect(await send(FIRST + SECOND, say)).toEqual({
      begun: ['/first', '/second'],
      bodies: ['the first', 'the second'],
    });
  });

  it('does not begin where the answer to that one ends the connection [guard: pipelined-last]', async () => {
    const { begun, bodies } = await send(FIRST + SECOND, (request, response, connection) => {
      response.setHeader('connection', 'close');
      say(request, response, connection);
    });
    expect({ begun, bodies }).toEqual({ begun: ['/first'], bodies: ['the first'] });
  });

  it('begins when a body that nobody read is here, too', async () => {
    const first = 'POST /first HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nwords';
    expect(await send(first + SECOND, say)).toEqual({
      begun: ['/first', '/second'],
      bodies: ['the first', 'the second'],
    });
  });

  it('does not begin where it was broken off and is late [guard: pipelined-broken-off]', async () => {
    const behind = 'POST /second HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nwo';
    const answer: Answer = (request, response, { endAfterAnswers }) => {
      const isEnding = endAfterAnswers();
      if (request.url === '/second') response.destroy();
      else setImmediate(() => response.end(`the first ${isEnding}`));
    };
    expect(await send(FIRST + behind, answer)).toEqual({ begun: ['/first'], bodies: ['the first'] });
  });

  it('ends the connection where Node answers one between them', async () => {
    const first = `${FIRST}GET /between HTTP/1.1\r\nhost: x\r\nexpect: wonders\r\n\r\n`;
    const { begun } = await send(first + SECOND, say);
    expect(begun).toEqual(['/first']);
  });
});
