import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { digestB64u, mintId, parseAnswer, parseEnvelope, parseFin, utf8 } from '@bulla/crypto';
import type { BundleVerdict } from '../src/audit/bundle/verify-bundle.js';
import { verifyAnswerInBundle } from '../src/audit/bundle/verify-bundle.js';
import { AuditWorld } from './audit-world.js';
import type { HeldLog, NewEntry } from './held-log.js';
import { MemoryFolder } from './memory-folder.js';
import { draftOf } from './world.js';

// Whether exactly this answer is in the logs.

let all: AuditWorld;
let file: Uint8Array<ArrayBuffer>;
let facts: Awaited<ReturnType<typeof factsOf>>;
let folder: MemoryFolder;

beforeAll(async () => {
  all = await AuditWorld.make();
  const client = await all.world.client();
  await client.prompts.push('claims/triage', 'text', draftOf('Sort: {{claim}}'), ['production']);
  // Every log of this name goes on from there.
  const empty = all.log('responder');
  await empty.sign();
  all.world.responder.script.head = () => empty.checkpoint;
  const answer = await client.prompt('claims/triage').run({ claim: 'x' });
  file = utf8(answer.toFile());
  facts = await factsOf(file);
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  folder = new MemoryFolder();
});

/** What the entries that belong to an answer say. */
async function factsOf(answer: Uint8Array<ArrayBuffer>) {
  const { evidence } = parseAnswer(answer);
  const { claims } = parseEnvelope(evidence.envelope);
  const { irt } = parseFin(evidence.fin).claims;
  if (claims.purpose !== 'prompt.invoke') throw new Error('an answer to a stored prompt');
  const { id: prompt, ver: version } = claims.prm;
  const { jti: envelope, aud: responder, whash, cnf } = claims;
  const fin = await digestB64u(utf8(evidence.fin));
  return { prompt, version, envelope, responder, whash, invocation: irt.jti, fin, kid: cnf.jkt };
}

/** The three entries, each with what is changed of it; signed and exported. */
async function logged(changes: { issue?: object; claim?: object; finish?: object } = {}): Promise<void> {
  const { prompt, version, envelope, responder, whash, invocation, fin } = facts;
  const [vault, answers] = [all.first, all.responder[0]];
  if (answers === undefined) throw new Error('there is no log');
  const issue = { envelope, prompt, version, whash, responder, uses: 1 };
  await add(vault, 'envelope.issue', { ...issue, ...changes.issue });
  await add(answers, 'invocation.run', {
    invocation,
    envelope,
    prompt,
    version,
    replayed: false,
    ...changes.claim,
  });
  await add(answers, 'invocation.finish', { invocation, frames: 1, finish: 'stop', fin, ...changes.finish });
  await all.sign();
  await all.auditor.audit.export(folder);
}

async function add(log: HeldLog, act: string, obj: object): Promise<void> {
  const { author, invoker, owner } = all.world.organisation;
  const by = [author, invoker, owner].find(({ signer }) => signer.kid === facts.kid);
  await log.add({ act, obj, by } as NewEntry);
}

async function found(): Promise<BundleVerdict & { states: string[]; details: string[] }> {
  const { answer, ...verdict } = await verifyAnswerInBundle(file, folder, {
    pin: all.world.organisation.pin,
    now: all.world.clock.now(),
  });
  expect(answer.valid).toBe(answer.entries.every(({ state }) => state === 'passed'));
  const states = answer.entries.map(({ name, state }) => `${name} ${state}`);
  return { ...verdict, states, details: answer.entries.map(({ detail }) => detail) };
}

describe('an answer', () => {
  it('is in the logs, which say where', async () => {
    await logged();
    const { states, details } = await found();
    expect(states).toEqual(['log-issue passed', 'log-claim passed', 'log-finish passed', 'log-checkpoint passed']);
    expect(details).toEqual([
      expect.stringContaining(
        `the permission ${facts.envelope} for claims/triage@1 is entry 1 of urn:bulla:acme:svc:vault/audit/1`,
      ),
      expect.stringContaining(`the question ${facts.invocation} is entry 1 of ${facts.responder}/audit/1`),
      expect.stringContaining(`this very answer is entry 2 of ${facts.responder}/audit/1`),
      `${facts.responder}/audit/1 begins with the 0 entries that the answer tells of`,
    ]);
  });

  it.each([
    [
      'the permission',
      { issue: { envelope: mintId('env') } },
      'log-issue',
      /the permission .* is not in the log of .*vault, whose newest entry here is of \d{4}-\d\d-\d\dT[\d:.]+Z$/,
    ],
    ['the question', { claim: { invocation: mintId('inv') } }, 'log-claim', /the question .* is not in the log of/],
    ['its end', { finish: { invocation: mintId('inv') } }, 'log-finish', /this very answer is not in the log of/],
  ])('misses %s, which is named', async (_name, changes, name, detail) => {
    await logged(changes);
    const { states, details } = await found();
    expect(states.filter((state) => state.endsWith('failed'))).toEqual([`${name} failed`]);
    expect(details.some((one) => detail.test(one))).toBe(true);
  });

  it.each([
    ['another end than this one [guard: audit-answer-exact]', { finish: { fin: 'A'.repeat(43) } }, 'log-finish'],
    ['a permission for another version', { issue: { version: 2 } }, 'log-issue'],
    ['a permission for another responder', { issue: { responder: 'urn:bulla:acme:svc:responder:other' } }, 'log-issue'],
    ['a question by another permission', { claim: { envelope: mintId('env') } }, 'log-claim'],
  ])('is told that the log has %s', async (_name, changes, name) => {
    await logged(changes);
    const { states, details } = await found();
    expect(states.filter((state) => state.endsWith('failed'))).toEqual([`${name} failed`]);
    expect(details.some((one) => one.endsWith('is about it, and says something else'))).toBe(true);
  });

  it('is in no log that is not good [guard: audit-answer-log]', async () => {
    await logged();
    const path = [...folder.files.keys()].find((one) => /responder.*tile\/0\//.test(one)) ?? '';
    const bytes = folder.files.get(path);
    if (bytes !== undefined) bytes[0] = (bytes[0] ?? 0) ^ 1;
    const { states, details } = await found();
    expect(states).toEqual(['log-issue passed', 'log-claim failed', 'log-finish failed', 'log-checkpoint failed']);
    expect(details[2]).toBe(`the log of ${facts.responder} is not good`);
  });

  it('is not shown by an entry that does not fit who asked for it [guard: audit-answer-misfit]', async () => {
    await logged();
    folder.change('logs/vault-1/evidence/0.ndjson', (text) =>
      text
        .split('\n')
        .filter((line) => !line.includes('"index":1,'))
        .join('\n'),
    );
    const { states, details, logs } = await found();
    expect(states).toEqual(['log-issue failed', 'log-claim passed', 'log-finish passed', 'log-checkpoint passed']);
    expect(details[0]).toMatch(/^entry 1 of .*vault\/audit\/1 is about it: what shows who asked is not there/);
    expect(logs.map(({ failure }) => failure?.check)).toEqual(['evidence', undefined]);
  });

  it('is in no log that is not there', async () => {
    await logged();
    folder.change('bundle.json', (text) => {
      const index = JSON.parse(text) as { logs: object[] };
      return JSON.stringify({ ...index, logs: index.logs.slice(0, 1) });
    });
    expect((await found()).details[2]).toBe(`there is no log of ${facts.responder} to look into`);
  });
});
