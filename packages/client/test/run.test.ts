import type { Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { verifyAnswerFile } from '../src/bulla.js';
import type { BullaError } from '../src/connection/errors.js';
import type { RunEvent } from '../src/runs/runs.js';
import { deltasOf, eventsOf, sendEvents, sendReply } from './responder.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const VARS = { claim: 'water damage' };
let world: World;
let bulla: Bulla;
beforeAll(async () => {
  world = await makeWorld();
  await (await world.client()).prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => world.stop());
const honest = { deltas: (vars: Readonly<Record<string, string>>) => deltasOf(Object.values(vars)), fin: {} };
beforeEach(async () => {
  bulla = await world.client();
});
afterEach(() => {
  Object.assign(world.responder.script, honest);
  world.responder.send = sendReply;
});

async function collect(events: AsyncGenerator<RunEvent>, all: RunEvent[] = []): Promise<RunEvent[]> {
  for await (const event of events) all.push(event);
  return all;
}

describe('a run', () => {
  it('answers what the responder said, verified, with a file that proves it', async () => {
    const answer = await bulla.prompt(NAME).run(VARS);
    expect(answer).toMatchObject({
      text: 'water damage',
      model: 'echo',
      finish: 'stop',
      verified: true,
      prompt: { name: NAME, version: 1 },
    });
    expect(answer.usage.total_tokens).toBe(5);
    expect(answer.responder).toBe(world.organisation.responders[0].urn);
    const file = answer.toFile();
    expect(file).not.toContain('"invocation"');
    expect((await bulla.verify(file)).valid).toBe(true);
    const now = world.clock.now();
    const shown = await verifyAnswerFile(answer.toFile({ showQuestion: true }), world.organisation.pin, { now });
    expect(shown).toMatchObject({ valid: true, answer: { text: 'water damage' } });
    const ofAnother = await verifyAnswerFile(file, `sha256:${'0'.repeat(64)}`);
    expect(ofAnother).toMatchObject({ valid: false, verdict: 'REFUSED', failure: { code: 'pin_mismatch' } });
    expect(ofAnother.answer).toBeUndefined();
  });

  it('streams text as it is authenticated, and ends with the same text, verified', async () => {
    world.responder.script.deltas = () => [
      ...deltasOf(['Priority: ', 'hö', 'gh ✔']),
      utf8('{"choices":[{"delta":{"content":"!"}}]}'),
    ];
    const events = await collect(bulla.prompt(NAME).stream(VARS));
    const answer = events.at(-1)?.answer;
    expect(
      events
        .slice(0, -1)
        .map(({ text }) => text)
        .join(''),
    ).toBe('Priority: högh ✔!');
    expect(answer?.text).toBe('Priority: högh ✔!');
    expect(events.filter((event) => event.answer !== undefined)).toHaveLength(1);
  });

  it('gives calls of tools only when the signed end is verified [guard: client-calls-held]', async () => {
    const piece = (delta: object, finish_reason: string | null = null) =>
      utf8(`${JSON.stringify({ id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n`);
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'pay', arguments: '{"sum":1}' } };
    world.responder.script.deltas = () => [
      piece({ role: 'assistant', content: 'I pay.' }),
      piece({ tool_calls: [call] }),
      piece({ content: ' Done.' }, 'tool_calls'),
    ];
    world.responder.script.fin = { finish: 'tool_calls' };
    const seen: RunEvent[] = [];
    world.responder.send = (reply) => sendEvents(eventsOf(reply).slice(0, -1), { cut: true });
    await expect(collect(bulla.prompt(NAME).stream(VARS), seen)).rejects.toMatchObject({ code: 'stream_truncated' });
    expect(seen.map(({ text }) => text)).toEqual(['I pay.']);
    world.responder.send = sendReply;
    const events = await collect(bulla.prompt(NAME).stream(VARS));
    expect(events.map(({ text }) => text)).toEqual(['I pay.', '', ' Done.', undefined]);
    expect(events[1]?.chunk?.choices[0]?.delta.tool_calls).toEqual([call]);
    const { index: _index, ...whole } = call;
    expect(events.at(-1)?.answer?.completion).toEqual({
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'I pay. Done.', tool_calls: [whole] },
          finish_reason: 'tool_calls',
        },
      ],
    });
  });

  it.each([
    ['a version', { version: 1 }],
    ['a label', { label: 'latest' }],
  ])('is of %s that is named', async (_name, choice) => {
    expect((await bulla.prompt(NAME, choice).run(VARS)).prompt.version).toBe(1);
  });

  it('carries messages and limits to the responder, and a named responder', async () => {
    const [{ urn: responder }] = world.organisation.responders;
    const messages = [{ role: 'user' as const, content: 'more' }];
    const answer = await bulla
      .prompt(NAME)
      .run(VARS, { messages, maxOutputTokens: 5, parameters: { temperature: 0.5 }, responder });
    expect(answer.text).toBe('water damage');
  });

  it('has no answer without variables but an empty one', async () => {
    expect((await bulla.prompt(NAME).run()).text).toBe('');
  });

  it.each([
    [
      'both a version and a label',
      { version: 1, label: 'latest' },
      {},
      { code: 'validation_failed', origin: 'client' },
    ],
    [
      'more than a question may hold',
      {},
      { messages: [{ role: 'user' as const, content: 'x'.repeat(300_000) }] },
      { code: 'payload_too_large', origin: 'client' },
    ],
    [
      'a responder that is not listed [guard: client-responder-listed]',
      {},
      { responder: 'urn:bulla:acme:svc:responder:xx' },
      {
        code: 'validation_failed',
        origin: 'client',
        message: expect.stringMatching(/^the directory lists no responder of that name; it lists urn:bulla:acme:svc:/),
      },
    ],
    [
      'a label that is not there',
      { label: 'nowhere' },
      {},
      { code: 'label_not_found', origin: 'vault', status: 404, requestId: 'request-1', name: 'NotFoundError' },
    ],
  ])('refuses %s', async (_name, choice, options, problem) => {
    await expect(bulla.prompt(NAME, choice).run(VARS, options)).rejects.toMatchObject(problem);
  });

  it.each([
    [
      'variable_missing',
      { name: 'BullaError', code: 'variable_missing', origin: 'responder', retryable: false, status: 400 },
    ],
    ['upstream_timeout', { name: 'UpstreamError', code: 'upstream_timeout', origin: 'provider', retryable: true }],
    ['no_such_code', { name: 'BullaError', code: 'internal', origin: 'responder' }],
  ])('throws the problem inside a sealed answer: %s', async (code, problem) => {
    world.responder.script.fin = { finish: 'error', err: { code } };
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject(problem);
  });

  it('names each variable that is missing, unknown or too long to whoever may read the prompt', async () => {
    world.responder.script.fin = { finish: 'error', err: { code: 'variable_unknown' } };
    const refused = async (asker: Bulla, vars: Record<string, string>, messages = {}) =>
      asker
        .prompt(NAME)
        .run(vars, messages)
        .catch((error: unknown) => error as BullaError);
    const asked = { messages: [{ role: 'user' as const, content: 'more' }] };
    const answer = await refused(bulla, { other: 'secret', toString: 'secret' }, asked);
    expect(answer).toMatchObject({
      code: 'variable_unknown',
      origin: 'responder',
      status: 400,
      errors: [
        { pointer: '/vars/claim', message: 'claim is missing' },
        { pointer: '/vars/other', message: 'other is no variable of this prompt, which takes claim' },
        { pointer: '/vars/toString', message: 'toString is no variable of this prompt, which takes claim' },
        { pointer: '/messages', message: 'this prompt takes no messages of askers (messages: true in its file)' },
      ],
    });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(await refused(bulla, { claim: 'x'.repeat(1001) })).toMatchObject({
      errors: [{ pointer: '/vars/claim', message: 'claim has 1001 characters, and may have 1000' }],
    });
    // Nothing that this device can see is wrong, or it may not read the prompt: the code stands alone.
    expect(await refused(bulla, VARS)).toMatchObject({ code: 'variable_unknown', errors: undefined });
    const invoker = await world.client(world.organisation.invoker);
    expect(await refused(invoker, {})).toMatchObject({ code: 'variable_unknown', errors: undefined });
  });

  it('stops when its caller stops listening', async () => {
    const events = bulla.prompt(NAME).stream({ claim: 'a', b: 'b' });
    expect((await events.next()).value).toMatchObject({ text: 'a', chunk: { choices: [{ delta: { content: 'a' } }] } });
    await events.return(undefined);
    expect((await events.next()).done).toBe(true);
  });

  it('throws the reason of the signal that stops it before, while waiting and while streaming', async () => {
    const reason = new Error('enough');
    await expect(bulla.prompt(NAME).run(VARS, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    world.responder.send = () => ({ write: () => stop.abort(reason) });
    await expect(bulla.prompt(NAME).run(VARS, { signal: stop.signal })).rejects.toBe(reason);
    const later = new AbortController();
    world.responder.send = (reply) => ({
      async write(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        await new Promise<void>((resolve) => response.write(eventsOf(reply).slice(0, -1).join(''), () => resolve()));
      },
    });
    const events = bulla.prompt(NAME).stream(VARS, { signal: later.signal });
    await events.next();
    later.abort(reason);
    await expect(events.next()).rejects.toBe(reason);
  });

  it('stops when the connection is closed, and asks nothing afterwards', async () => {
    world.responder.send = () => ({ write: () => undefined });
    const running = bulla.prompt(NAME).run(VARS);
    const before = world.responder.service.of('invocation.run').length;
    while (world.responder.service.of('invocation.run').length === before)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await bulla.close();
    await expect(running).rejects.toMatchObject({ code: 'transport_failed', message: 'this connection was closed' });
    const requests = world.vault.service.requests.length;
    await expect(bulla.refreshTrust()).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'this connection was closed',
    });
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'transport_failed' });
    expect(world.vault.service.requests).toHaveLength(requests);
  });

  it('takes an answer under a directory that was published while it ran, or before it knew', async () => {
    await bulla.trust();
    world.responder.send = (reply, stream) => sendReply(reply, stream);
    // The asker knows the old directory, the responder answers under the new one.
    await world.organisation.publish();
    expect((await bulla.prompt(NAME).run(VARS)).text).toBe('water damage');
    // The asker learns a newer one while the old answer is on its way.
    const { deltas } = world.responder.script;
    world.responder.send = (reply, stream) => ({
      async write(response) {
        await world.organisation.publish();
        await bulla.refreshTrust();
        const { write, body } = sendReply(reply, stream);
        if (write !== undefined) return write(response);
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      },
    });
    world.responder.script.deltas = deltas;
    const answer = await bulla.prompt(NAME).run(VARS);
    expect((await bulla.verify(answer.toFile())).valid).toBe(true);
  });
});

describe('a key that was listed after the documents were fetched', () => {
  const HOUR = 3600;
  /** Another key pair of an entity's signing key, listed beside it. */
  async function listNewKey(member: World['organisation']['vault']): Promise<Signer> {
    const pair = await generateKeyPair('p256', 'sig');
    await world.organisation.publish((draft) => {
      const entity = draft.entities[member.urn];
      const [record] = entity?.keys ?? [];
      if (record === undefined) return;
      const times = { nbf: record.nbf + HOUR };
      entity?.keys.push({ ...record, ...times, kid: pair.kid, jwk: pair.publicJwk });
    });
    return loadSigner(pair.privateJwk, 'ES256');
  }

  it.each([
    [
      'answers of the vault',
      async () => {
        const signer = await listNewKey(world.organisation.vault);
        world.vault.service.member = { keyid: `${world.organisation.vault.urn}#${signer.kid}`, signer };
      },
    ],
    [
      'envelopes of the vault',
      async () => {
        world.vault.envelopeSigner = await listNewKey(world.organisation.vault);
      },
    ],
    [
      'answers of the responder',
      async () => {
        world.responder.script.signer = await listNewKey(world.organisation.responders[0]);
      },
    ],
  ])('is found by one look at the newest: %s', async (_name, rotate) => {
    await bulla.trust();
    await rotate();
    const before = world.vault.service.of('directory.get').length;
    expect((await bulla.prompts.get(NAME)).name).toBe(NAME);
    expect((await bulla.prompt(NAME).run(VARS)).text).toBe('water damage');
    expect(world.vault.service.of('directory.get').length - before).toBe(1);
    Object.assign(world.responder.script, { signer: world.organisation.responders[0].signer });
    world.vault.envelopeSigner = world.organisation.vault.signer;
    world.vault.service.member = world.organisation.vault;
  });

  it('is that of a device which wrote the prompt and moved its label', async () => {
    await bulla.trust();
    const device = await world.organisation.makeDevice('late', {
      roles: ['author', 'invoker'],
      groups: ['grp:authors', 'grp:release', 'grp:support'],
    });
    await world.organisation.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    const late = await world.client(device);
    await late.prompts.push('claims/late', 'text', draftOf('Late {{claim}}'), ['production']);
    expect((await bulla.prompts.read('claims/late', { label: 'production' })).author).toBe(device.urn);
  });
});

describe('a stream', () => {
  it('is read in any pieces the network makes of it', async () => {
    world.responder.send = (reply) => sendEvents(Array.from(eventsOf(reply).join('')));
    expect((await collect(bulla.prompt(NAME).stream({ claim: 'ü' }))).map(({ text }) => text)).toContain('ü');
  });
});
