import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findPostgres, isLongRun } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import pg from 'pg';
import { describeWithRedis } from '../../packages/service-kit/test/redis-server.js';
import { IDLE_MS } from '../../services/responder/src/memory/idle-memory.js';
import { call } from '../faults/signed-requests.js';
import { inOrder } from '../in-order.js';
import { type Apart, startApart } from './apart.js';
import { canReadMemory, scanMemory } from './memory-image.js';
import { needlesOf } from './needles.js';
import { scan } from './scan.js';

const NAME = 'leaks/apart';
const PROMPT = 'Canary-prompt-52b8: "weigh" the evidence of Frau Weiß';
const VARIABLE = 'Canary-variable-0e77: the letter was opened on a Tuesday';
const ANSWER = 'Canary-answer-d913: nothing points to the neighbour';
const CONTROL = 'Canary-control-61fa: this one was planted';
/** Sent by clients where no prompt should stand: a client that does that shows it to the service. */
const MISPLACED = 'Canary-misplaced-4c25: sent in the clear by mistake';
const SECRETS = [PROMPT, VARIABLE, ANSWER];
/** How long after the last run memory must be clean at the latest. */
const CLEAN_AFTER_MS = 60_000;
/** When it is looked at first: the responder cleans up twice. A long run does not look before the minute is over. */
const LOOK_AFTER_MS = isLongRun() ? CLEAN_AFTER_MS : 2 * IDLE_MS + 1_000;
const LOOK_AGAIN_MS = 5_000;
/** Between the two tokens of a run whose memory is looked at. */
const POLL_MS = 25;
const TOKEN_DELAY_MS = 4_000;
const SLOW_MS = 400;
const LOG_EVERYTHING = {
  log_min_duration_statement: '0',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  log_error_verbosity: 'verbose',
};
const describeApart = findPostgres() === undefined ? describe.skip : describeWithRedis;

let apart: Apart;
let database: pg.Client;
let lastRunMs = 0;

/** A run as the SDK makes it. @returns what came of it: the text, or the code of the problem */
async function run(variables: Readonly<Record<string, string>> = { claim: VARIABLE }, stream = false): Promise<string> {
  const prompt = apart.bulla.prompt(NAME, { label: 'production' });
  try {
    if (!stream) return (await prompt.run(variables)).text;
    let text = '';
    for await (const event of prompt.stream(variables)) text += event.text ?? '';
    return text;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    lastRunMs = performance.now();
  }
}

/** What is found in the memory of a service, each with its spelling. */
async function memoryOf(service: 'vault' | 'responder'): Promise<readonly string[]> {
  const needles = SECRETS.flatMap((text) =>
    needlesOf(text).map(({ name, bytes }) => ({ name: `${name} ${text}`, bytes })),
  );
  const { bytes, found } = await scanMemory(apart[service].child.pid ?? 0, needles);
  process.stderr.write(`leaks: ${bytes} bytes of memory of the ${service} scanned\n`);
  return found;
}

/**
 * Looks again and again until nothing is found, a minute after the last run at the latest.
 * @param afterMs when it looks first
 * @returns what is found then
 */
async function memoryInTheEnd(service: 'vault' | 'responder', afterMs = LOOK_AFTER_MS): Promise<readonly string[]> {
  const sinceMs = () => performance.now() - lastRunMs;
  await pause(Math.max(0, afterMs - sinceMs()));
  // Nothing runs meanwhile: what is clean before the minute is over is clean then.
  for (;;) {
    const isLast = sinceMs() >= CLEAN_AFTER_MS;
    const found = await memoryOf(service);
    if (isLast || found.length === 0) return found;
    await pause(LOOK_AGAIN_MS);
  }
}

/** The control is found in these files, which shows that they are the right ones, and no spelling of a secret is. */
async function expectClean(store: string, paths: readonly string[]): Promise<void> {
  expect((await scan(paths, needlesOf(CONTROL))).found).not.toEqual([]);
  const { files, bytes, found } = await scan(paths, [...SECRETS, MISPLACED].flatMap(needlesOf));
  process.stderr.write(`leaks: ${files} files and ${bytes} bytes of ${store} scanned\n`);
  expect(found).toEqual([]);
}

describeApart('services apart, on PostgreSQL and Redis, with every log at its loudest', () => {
  beforeAll(async () => {
    apart = await startApart(LOG_EVERYTHING);
    database = new pg.Client({ connectionString: apart.postgres.url });
    await database.connect();
    const vars = { claim: { type: 'string' as const, max: 1000 } };
    const messages = [{ role: 'user' as const, content: `${PROMPT}\n{{claim}}` }];
    const content = { messages, vars, model: { name: 'default' } };
    await apart.bulla.prompts.push(NAME, 'text', { acceptsMessages: false, content }, ['production']);
  });
  afterAll(async () => {
    await database?.end().catch(() => {});
    await apart?.remove();
  });

  // Each leaves what the next looks at; the last stops the services.
  inOrder([
    {
      name: 'in memory, during a run, hold what they have opened: the control of what follows',
      run: holdWhatIsOpen,
      isHere: canReadMemory(),
    },
    { name: 'answer, and refuse, and let a statement fail and another wait', run: answerAndFail },
    { name: 'never say in a refusal what was sent', run: refuse },
    { name: 'write none of it into their logs and metrics', run: logNothing },
    { name: 'leave none of it in Redis: its append-only file, its snapshot', run: leaveNothingInRedis },
    { name: 'in memory, a minute after the last run, hold none of it', run: forget, isHere: canReadMemory() },
    {
      name: 'leave none of it in PostgreSQL: its tables, its write-ahead log, its own log',
      run: leaveNothingInPostgres,
    },
  ]);
});

async function holdWhatIsOpen(): Promise<void> {
  apart.model.follow({ replies: { tokens: [ANSWER, '.'], delayBetweenTokensMs: TOKEN_DELAY_MS } });
  const before = apart.model.requests.length;
  const running = run({ claim: VARIABLE }, true);
  await apart.model.arrival(before);
  // The first piece of the answer is on its way.
  await pause(1_000);
  const found = await memoryOf('responder');
  expect(SECRETS.filter((text) => !found.some((line) => line === `latin-1 ${text}` || line === `raw ${text}`))).toEqual(
    [],
  );
  expect(await running).toBe(`${ANSWER}.`);
}

async function answerAndFail(): Promise<void> {
  apart.model.follow({ replies: { tokens: [ANSWER] } });
  expect([await run(), await run({ claim: VARIABLE }, true)]).toEqual([ANSWER, ANSWER]);
  expect(await run({ claim: VARIABLE, more: VARIABLE })).toBe('variable_unknown');
  await database.query('alter table responder.audit_outbox add constraint fails check (false) not valid');
  expect(await run()).not.toBe(ANSWER);
  await database.query('alter table responder.audit_outbox drop constraint fails');
  await database.query('begin; lock table responder.invocation');
  const waiting = run();
  await pause(4 * SLOW_MS);
  await database.query('commit');
  expect(await waiting).toBe(ANSWER);
  const log = await readFile(apart.postgres.logFile, 'utf8');
  expect(log).toMatch(/violates check constraint "fails"/);
  const durations = [...log.matchAll(/duration: ([0-9]+)\.[0-9]+ ms/g)].map(([, ms]) => Number(ms));
  expect(Math.max(...durations)).toBeGreaterThan(SLOW_MS);
}

async function refuse(): Promise<void> {
  const { vault, responder, organisation } = apart;
  const asker = organisation.owner;
  const query = encodeURIComponent(MISPLACED);
  const answers = [
    await call(vault.url, asker, 'POST', '/api/v1/prompts', {
      body: { id: MISPLACED, name: MISPLACED, type: MISPLACED },
    }),
    await call(vault.url, asker, 'POST', '/api/v1/prompts', { body: `{"${MISPLACED}"` }),
    await call(vault.url, asker, 'GET', `/api/v1/prompts?prefix=${query}`),
    await call(vault.url, asker, 'GET', `/api/v1/prompts/${query}`),
    await call(responder.url, asker, 'POST', '/api/v1/invocations', { body: { bundle: MISPLACED, inv: MISPLACED } }),
    await call(responder.url, asker, 'POST', '/api/v1/invocations', { body: MISPLACED }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400]);
  const path = join(apart.folder, 'refusals');
  await writeFile(path, [...answers.map(({ text }) => text), CONTROL].join('\n'));
  await expectClean('refusals', [path]);
}

async function logNothing(): Promise<void> {
  const services = [apart.vault, apart.responder];
  const metrics = await Promise.all(
    services.map(async ({ events }) => {
      const port = Number(events('service-ready')[0]?.['metricsPort']);
      return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    }),
  );
  expect(metrics.join('')).toMatch(/bulla_http_requests_total\{.*invocations/);
  const logs = services.map(({ output }) => output());
  expect(logs.join('')).toMatch(/request-failed|database/);
  expect(logs.join('')).not.toContain('freed-memory-kept');
  const path = join(apart.folder, 'said');
  await writeFile(path, [...logs, ...metrics, CONTROL].join('\n'));
  await expectClean('logs and metrics', [path]);
}

async function leaveNothingInRedis(): Promise<void> {
  const { admin } = apart.redis;
  await admin.config('SET', 'appendonly', 'yes');
  expect(await run()).toBe(ANSWER);
  await admin.set('control', CONTROL);
  await admin.save();
  // Its files are there to be read when the first rewrite has put them in their places.
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await admin.info('persistence'))) await pause(POLL_MS);
  const folder = (await admin.config('GET', 'dir'))[1] ?? '';
  expect(await admin.dbsize()).toBeGreaterThan(1);
  await expectClean('Redis', [folder]);
}

async function forget(): Promise<void> {
  // It never opens anything, and has nothing to clean up: it is looked at while the responder waits.
  expect(await memoryInTheEnd('vault', isLongRun() ? CLEAN_AFTER_MS : 0)).toEqual([]);
  expect(await memoryInTheEnd('responder')).toEqual([]);
}

async function leaveNothingInPostgres(): Promise<void> {
  await database.query('create table control (text text)');
  await database.query('insert into control values ($1)', [CONTROL]);
  await database.end();
  await apart.stopServices();
  await apart.postgres.stop({ keepFiles: true });
  await expectClean('PostgreSQL', [apart.postgres.dataDir, apart.postgres.logFile]);
}
