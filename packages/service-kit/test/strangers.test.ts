import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawAnswer } from '../src/testing.js';
import { exchangeRaw } from '../src/testing.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// [red] Strangers without any key filled the memory with bodies, each below the limit of its route.

const BUDGET = 2_000;
let tiny: Tiny;
let port: number;
beforeAll(async () => {
  tiny = await startTiny({ limits: { bodyBytesInFlightMax: BUDGET, requestsMax: 5 } });
  ({ port } = await tiny.service.listen());
});
afterAll(() => tiny.stop());

const PROMPTS = 'POST /api/v1/prompts';
const PRETENDED = 'signature-input: x\r\n';
const head = (line: string, fields: string) =>
  `${line} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${fields}\r\n`;
const ask = (line: string, fields: string): Promise<RawAnswer> =>
  exchangeRaw(port, head(line, `${fields}connection: close\r\n`));

describe('a body that never ends is refused at once', () => {
  it.each([
    ['where nothing is signed [guard: request-credential]', PROMPTS, 401, 'unauthenticated', ''],
    ['where no bootstrap secret comes', 'PUT /api/v1/organisations/third', 401, 'unauthenticated', ''],
    [
      'where it says that it will be too large [guard: request-bodies]',
      PROMPTS,
      503,
      'overloaded',
      `${PRETENDED}content-length: 2001\r\n`,
    ],
    ['where it does not say how large', PROMPTS, 503, 'overloaded', `${PRETENDED}transfer-encoding: chunked\r\n`],
    ['where there is no route', 'POST /api/v1/runs', 503, 'overloaded', 'content-length: 2001\r\n'],
  ])('%s', async (_name, line, status, code, fields) => {
    const answer = await ask(line, fields === '' ? 'content-length: 99\r\n' : fields);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(/^retry-after: 1\r?$/im.test(answer.head)).toBe(status === 503);
  });
});

describe('the bodies of all together', () => {
  const open: Socket[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
  });

  /** Sends a body but for its last byte, and waits. */
  const dawdle = async (bytes: number): Promise<Socket> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(head(PROMPTS, `${PRETENDED}content-length: ${bytes + 1}\r\n`) + ' '.repeat(bytes), () => resolve());
    }).once('error', reject);
    open.push(socket);
    await promise;
    return socket;
  };
  const until = async (reached: () => Promise<boolean>): Promise<void> => {
    while (!(await reached()));
  };

  it('are bounded by what is here of them, and given back when their senders leave', async () => {
    const first = await dawdle(1_200);
    const second = await dawdle(799);
    await until(async () => (await tiny.owner.post('/api/v1/prompts', {})).status === 503);
    expect(await tiny.owner.get('/api/v1/prompts')).toMatchObject({ status: 200 });
    second.destroy();
    await until(async () => (await tiny.owner.post('/api/v1/prompts', {})).status === 400);
    first.destroy();
    const large = { id: 'x'.repeat(1_900) };
    await until(async () => (await tiny.owner.post('/api/v1/prompts', large)).status === 400);
  });

  it('leave their places to others when their senders hang up', async () => {
    for (let time = 0; time < 10; time++) (await dawdle(10)).destroy();
    let status: number | undefined;
    await until(async () => {
      ({ status } = await tiny.owner.get('/api/v1/prompts'));
      return status !== 503;
    });
    expect(status).toBe(200);
  });

  it('are given back when they were refused, too', async () => {
    for (let time = 0; time < 5; time++) {
      expect(await tiny.owner.post('/api/v1/prompts', { id: 'x'.repeat(1_900) })).toMatchObject({ status: 400 });
      expect(await tiny.owner.post('/api/v1/prompts', { id: 'x'.repeat(2_000) })).toMatchObject({ status: 503 });
    }
  });
});
