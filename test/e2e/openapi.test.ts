import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type RunningCommand, startUp } from '../bulla-command.js';
import { environment } from '../bulla-process.js';

const repository = resolve(import.meta.dirname, '../..');
let folder: string;
let up: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-openapi-'));
  up = await startUp({ BULLA_HOME: join(folder, 'home') });
});
afterAll(async () => {
  await up.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Session {
  readonly faults: readonly string[];
  readonly control: readonly boolean[];
  readonly seen: readonly (readonly [exchange: string, times: number])[];
}

async function session(): Promise<Session> {
  const script = join(repository, 'test/e2e/openapi-session.mjs');
  const child = spawn(process.execPath, [script, repository, join(folder, 'home')], { env: environment({}) });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (child.exitCode !== 0) throw new Error(errors);
  return JSON.parse(output) as Session;
}

/** What a service answers that is not told to come later: on a machine that does much else it may be overloaded. */
async function statusOf(url: string): Promise<number> {
  for (let left = 10; ; left--) {
    const { status, headers } = await fetch(url);
    if (status !== 503 || left === 0) return status;
    await pause(Number(headers.get('retry-after') ?? 1) * 1000);
  }
}

describe('the interface that the services describe', () => {
  it.each(['vault', 'responder'])('is a valid OpenAPI 3.0 document at the %s', async (service) => {
    const url = new RegExp(`${service} (http://\\S+)`).exec(up.stdout())?.[1];
    const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as Record<string, unknown>;
    expect(document['openapi']).toMatch(/^3\.0\./);
    expect(await new Validator().validate(document)).toEqual({ valid: true });
    expect(await statusOf(`${url}/api/docs`)).toBe(200);
  });

  it('is what the SDK sends and gets, in every request and every answer of a session', async () => {
    const { faults, control, seen } = await session();
    expect(control).toEqual([true, false, false]);
    expect(faults).toEqual([]);
    const exchanges = seen.map(([exchange]) => exchange);
    expect(exchanges).toEqual(
      expect.arrayContaining([
        'POST /api/v1/envelopes 201',
        'POST /api/v1/invocations 200',
        'GET /api/v1/prompts/by-name 404',
      ]),
    );
    expect(exchanges.length).toBeGreaterThan(15);
  });
});
