import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bareAnswers, type BareWork } from './bare-work.js';

// A program of its own: what Node takes for a request whatever is built on it. An HTTP server of Node alone, JSON both
// ways, and the RSA of the route; no framework, no schema, no authority, no database, no log. Its answers are worth
// nothing. `node bare.js '{"signs":1,"verifies":2,"answerBytes":6000}'` prints its port.

const answer = bareAnswers(JSON.parse(process.argv[2] ?? '') as BareWork);

const server = createServer((request, response) => {
  // A new connection asks for health first.
  if (request.method === 'GET') response.end();
  else void respond(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.once('SIGTERM', () => process.exit(0));

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  if (body.length > 0) JSON.parse(body.toString());
  const text = await answer(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(201, headers).end(text);
}
