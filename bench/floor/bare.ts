import { constants, generateKeyPairSync, hash, sign, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A program of its own: what Node takes for a request whatever is built on it. An HTTP server of Node alone, JSON both
// ways, and the RSA of the route; no framework, no schema, no authority, no database, no log. Its answers are worth
// nothing. `node bare.js '{"signs":1,"verifies":2,"answerBytes":6000}'` prints its port.

/** What a request of the route cannot do without. */
export interface BareWork {
  /** RSA-2048 signatures that are made, in the thread pool. */
  readonly signs: number;
  /** RSA-2048 signatures that are verified. */
  readonly verifies: number;
  /** Length of the answer, as JSON. */
  readonly answerBytes: number;
}

const { signs, verifies, answerBytes } = JSON.parse(process.argv[2] ?? '') as BareWork;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
// A key that is its own options: Node finds it at once.
const [own, others] = [Object.assign(keys.privateKey, PSS), Object.assign(keys.publicKey, PSS)];
const known = Buffer.from('what somebody else has signed');
const theirs = sign('sha256', known, own);
const padding = 'x'.repeat(answerBytes);

const server = createServer((request, response) => {
  // A new connection asks for health first.
  if (request.method === 'GET') response.end();
  else void respond(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.once('SIGTERM', () => process.exit(0));

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await answer(request);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(201, headers).end(text);
}

async function answer(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const digest = hash('sha256', body, 'base64url');
  if (body.length > 0) JSON.parse(body.toString());
  for (let count = 0; count < verifies; count++)
    if (!verify('sha256', known, others, theirs)) throw new Error('forged');
  const made: string[] = [];
  for (let count = 0; count < signs; count++) made.push((await signed(Buffer.from(digest))).toString('base64url'));
  return JSON.stringify({ digest, made, padding });
}

function signed(bytes: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  sign('sha256', bytes, own, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  return promise;
}
