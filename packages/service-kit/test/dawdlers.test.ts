import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { BODY_BYTES_MAX, ORGANISATION_BODY_BYTES_MAX } from '@bulla/contract';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LIMITS } from '../src/limits/limits.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// [red] Without any key: as many requests as there are places, each with one byte of its body, kept all others out for
// half a minute; and twenty-three that only announced a large body had every other body refused.

const PROMPTS = 'POST /api/v1/prompts';
const DIRECTORY = 'PUT /api/v1/organisations/acme/directory';
let tiny: Tiny;
let port: number;
let metricsPort: number;
const open: Socket[] = [];
beforeEach(async () => {
  tiny = await startTiny();
  ({ port, metricsPort } = await tiny.service.listen());
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await tiny.stop();
});

/** Sends a header that needs no key, and of its body one byte. */
async function dawdle(line: string, announced: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fields = `host: x\r\nsignature-input: x\r\ncontent-type: application/json\r\ncontent-length: ${announced}`;
  const socket = connect({ port, host: '127.0.0.1' }, () => {
    socket.write(`${line} HTTP/1.1\r\n${fields}\r\n\r\n{`, () => resolve());
  }).once('error', reject);
  open.push(socket);
  await promise;
}

/** Until the service is at work on so many requests. */
async function untilActive(count: number): Promise<void> {
  let text = '';
  while (!text.includes(`bulla_http_requests_active{service="vault"} ${count}\n`)) {
    text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  }
}

const thing = () => tiny.owner.post('/api/v1/prompts', {});

describe('whoever begins a body and does not go on', () => {
  it('takes no place from others, however many there are [guard: request-dawdlers]', async () => {
    await Promise.all(Array.from({ length: LIMITS.requestsMax + 1 }, () => dawdle(PROMPTS, 100)));
    await untilActive(LIMITS.requestsMax + 1);
    expect(await tiny.owner.get('/api/v1/prompts')).toMatchObject({ status: 200 });
    expect(await thing()).toMatchObject({ status: 400 });
  });

  it('takes no room that it only announces', async () => {
    const large = Math.floor(LIMITS.bodyBytesInFlightMax / ORGANISATION_BODY_BYTES_MAX);
    const small = (LIMITS.bodyBytesInFlightMax - large * ORGANISATION_BODY_BYTES_MAX) / BODY_BYTES_MAX;
    expect([large, small]).toEqual([21, 2]);
    const dawdlers = [
      ...Array.from({ length: large }, () => dawdle(DIRECTORY, ORGANISATION_BODY_BYTES_MAX)),
      ...Array.from({ length: small }, () => dawdle(PROMPTS, BODY_BYTES_MAX)),
    ];
    await Promise.all(dawdlers);
    await untilActive(large + small);
    expect(await thing()).toMatchObject({ status: 400 });
  });
});
