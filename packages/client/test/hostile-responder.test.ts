import { encodeBase64url, fingerprint, randomBytes, utf8 } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { Script, SealedReply } from './responder.js';
import { deltasOf, eventOf, eventsOf, sendEvents, sendReply } from './responder.js';
import { pauseless } from './pauseless.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
let world: World;
let bulla: Bulla;
let honest: Script;
beforeAll(async () => {
  world = await makeWorld();
  honest = { ...world.responder.script };
  await (await world.client()).prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => world.stop());
beforeEach(async () => {
  bulla = await world.client();
});
afterEach(() => {
  Object.assign(world.responder.script, honest);
  world.responder.send = sendReply;
});

const run = () => bulla.prompt(NAME).run({ claim: 'water damage' });
async function stream(): Promise<{ texts: string[]; error: unknown }> {
  const texts: string[] = [];
  try {
    for await (const { text, answer } of bulla.prompt(NAME).stream({ claim: 'water', more: 'damage' })) {
      if (answer !== undefined) return { texts, error: undefined };
      texts.push(text ?? '');
    }
    return { texts, error: undefined };
  } catch (error) {
    return { texts, error };
  }
}
const change = (how: (reply: SealedReply) => SealedReply) => () => {
  world.responder.script.change = how;
};
const events =
  (how: (all: string[], reply: SealedReply) => string[], cut = false) =>
  () => {
    world.responder.send = (reply) => sendEvents(how(eventsOf(reply), reply), { cut });
  };
function flipped(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[3] = (copy[3] ?? 0) ^ 1;
  return copy;
}
/** A head whose question has another first letter in its hash, whatever letter it had. */
function withAnotherHash(head: string): string {
  return head.replace(/"rh":"(.)/, (_, first) => `"rh":"${first === 'A' ? 'B' : 'A'}`);
}

describe('an answer that is signed by', () => {
  it('another responder is refused with both fingerprints [guard: client-fin]', async () => {
    const other = world.organisation.responders[1].signer;
    world.responder.script.signer = other;
    const error = await run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'TrustError', code: 'responder_key_changed' });
    expect(String(error)).toContain(fingerprint(other.kid));
    expect(String(error)).toContain(fingerprint(world.organisation.responders[0].signer.kid));
  });

  it.each([
    ['a device', () => world.organisation.invoker.signer, 'responder_key_changed'],
    ['the vault', () => world.organisation.vault.signer, 'responder_key_changed'],
  ])('%s is refused', async (_name, signer, code) => {
    world.responder.script.signer = signer();
    await expect(run()).rejects.toMatchObject({ code, name: 'TrustError' });
  });
});

describe('an answer that says it is', () => {
  const elsewhere = { ver: 1, hash: encodeBase64url(randomBytes(32)) };
  it.each([
    ['for somebody else', () => ({ aud: world.organisation.invoker.urn }), 'envelope_tampered', 'reply-audience'],
    [
      'to another question',
      () => ({ ih: encodeBase64url(randomBytes(32)) }),
      'envelope_tampered',
      'reply-question-signed',
    ],
    [
      'under another envelope',
      () => ({ env: encodeBase64url(randomBytes(32)) }),
      'envelope_tampered',
      'reply-envelope',
    ],
    [
      'of another prompt',
      () => ({
        prm: { id: 'prm_00000000000000000000000001', name: NAME, ver: 1, chash: encodeBase64url(randomBytes(32)) },
      }),
      'envelope_tampered',
      'reply-prompt-id',
    ],
    [
      'under a directory that nobody has seen [guard: client-fin-directory]',
      () => ({ dir: { ...elsewhere, ver: 99 } }),
      'trust_rollback',
      undefined,
    ],
    [
      'under a fork of the directory',
      () => ({ dir: { ...elsewhere, ver: world.organisation.trust.directoryRef.ver } }),
      'trust_rollback',
      undefined,
    ],
  ])('%s is refused', async (_name, fin, code, check) => {
    world.responder.script.fin = fin();
    await expect(run()).rejects.toMatchObject({ code, ...(check !== undefined && { check }) });
  });
});

describe('a whole answer', () => {
  it.each([
    [
      'with a frame changed',
      change(({ frames: [first, ...rest], ...reply }) => ({
        ...reply,
        frames: [flipped(first ?? new Uint8Array()), ...rest],
      })),
      'open_failed',
    ],
    ['with a frame left out', change((reply) => ({ ...reply, frames: reply.frames.slice(1) })), 'open_failed'],
    [
      'with its last frame left out',
      change((reply) => ({ ...reply, frames: reply.frames.slice(0, -1) })),
      'open_failed',
    ],
    ['with frames swapped', change((reply) => ({ ...reply, frames: reply.frames.toReversed() })), 'open_failed'],
    ['with its final changed', change((reply) => ({ ...reply, final: flipped(reply.final) })), 'open_failed'],
    [
      'with a frame for its final',
      change((reply) => ({ ...reply, final: reply.frames[0] ?? reply.final })),
      'open_failed',
    ],
    [
      'with another head',
      change((reply) => ({ ...reply, head: utf8(withAnotherHash(new TextDecoder().decode(reply.head))) })),
      'envelope_tampered',
    ],
    [
      'whose lines are no chunks of a model',
      () => {
        world.responder.script.deltas = () => [utf8('{"choices":1}\n')];
      },
      'token_malformed',
    ],
    [
      'whose last line is no text',
      () => {
        world.responder.script.deltas = () => [new Uint8Array([0xff])];
      },
      'token_malformed',
    ],
  ])('%s is refused', async (_name, lie, code) => {
    lie();
    await expect(run()).rejects.toMatchObject({ name: 'VerifyError', code, origin: 'client' });
  });
});

describe('a stream', () => {
  it.each([
    ['without its final [refuses: truncated-stream]', events((all) => all.slice(0, -1)), 'stream_truncated'],
    ['whose connection is cut', events((all) => all.slice(0, -1), true), 'stream_truncated'],
    [
      'cut within its final',
      events((all) => [...all.slice(0, -1), (all.at(-1) ?? '').slice(0, 60)], true),
      'stream_truncated',
    ],
    ['whose frames do not count up', events((all) => [...all.slice(0, 3), ...all.slice(4)]), 'stream_truncated'],
    [
      'whose frame numbers hide a gap',
      events((all, { frames }) => [
        ...all.slice(0, 3),
        eventOf('bulla.frame', frames[2] ?? new Uint8Array(), 1),
        ...all.slice(-1),
      ]),
      'open_failed',
    ],
    ['with a second head', events((all) => [...all.slice(0, 3), all[0] ?? '', ...all.slice(3)]), 'stream_truncated'],
    [
      'with an event of another kind',
      events((all) => [...all.slice(0, 3), 'event: hello\ndata: AAAA\n\n']),
      'stream_truncated',
    ],
    [
      'with bytes that are no base64url',
      events((all) => [...all.slice(0, 3), 'event: bulla.frame\nid: 1\ndata: !\n\n']),
      'stream_truncated',
    ],
    [
      'with an event without end',
      events((all) => [...all.slice(0, 3), `event: bulla.frame\nid: 1\ndata: ${'A'.repeat(200_000)}`]),
      'stream_truncated',
    ],
    [
      'that is no stream of events any more',
      events((all) => [...all.slice(0, 3), 'this is no event at all\n\n']),
      'stream_truncated',
    ],
  ])('%s is an error after the text that was authentic, never an answer', async (_name, lie, code) => {
    world.responder.script.deltas = () => deltasOf(['water', 'damage', 'again'], 91);
    lie();
    const { texts, error } = await stream();
    expect(error).toMatchObject({ name: 'VerifyError', code });
    expect(['', 'water', 'waterdamage', 'waterdamageagain']).toContain(texts.join(''));
  });

  it('ends at its final: nothing after it counts', async () => {
    world.responder.send = (reply) =>
      sendEvents([...eventsOf(reply), 'event: bulla.frame\nid: 9\ndata: !\n\n', 'rubbish\n\n']);
    const { texts, error } = await stream();
    expect(error).toBeUndefined();
    expect(texts.join('')).toBe('waterdamage');
  });
});

describe('a refusal that names a key which nobody lists', () => {
  const problem = { type: 'urn:bulla:problem:internal', title: 'x', status: 500, code: 'internal' };
  it.each<[string, (input: string) => Record<string, string>]>([
    ['without a signature [guard: changed-key-signed]', (input) => ({ 'signature-input': input })],
    ['under another label', (input) => ({ 'signature-input': input, signature: 'other=:AAAA:' })],
    ['for another request', (input) => ({ 'signature-input': input, signature: `bulla=:${'A'.repeat(86)}==:` })],
  ])('is no change of keys %s', async (_name, fields) => {
    const kid = encodeBase64url(randomBytes(32));
    const input = `bulla=("@status");created=1;keyid="${world.organisation.responders[0].urn}#${kid}";tag="bulla-res-1"`;
    world.responder.send = () => ({
      async write(response) {
        response.writeHead(500, { 'content-type': 'application/problem+json', ...fields(input) });
        await new Promise<void>((resolve) => response.end(JSON.stringify(problem), resolve));
      },
    });
    const error = await run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'VerifyError', code: 'signature_invalid', check: 'response-signature' });
    expect(String(error)).not.toContain(fingerprint(kid));
  });
});

describe('what is no reply at all', () => {
  it.each([
    ['a page', { text: '<html>' }],
    ['JSON of another form', { body: { head: 'AA', frames: 'no', final: 'AA' } }],
    [
      'a stream that does not begin with a head [refuses: missing-head]',
      sendEvents(['event: bulla.final\ndata: AAAA\n\n']),
    ],
    ['an empty stream', sendEvents([])],
    ['a stream that breaks at once', sendEvents([': \n\n'], { cut: true })],
  ])('%s is a fault on the way: the same question is sent again', async (_name, outgoing) => {
    const { runs } = world.responder;
    const before = world.responder.service.of('invocation.run').length;
    let tries = 0;
    world.responder.send = (reply, isStream) => (++tries < 2 ? outgoing : sendReply(reply, isStream));
    // An honest service would repeat its answer; this one's were lost.
    world.responder.service.forgetAnswers = true;
    const pauses: number[] = [];
    expect((await pauseless(run, pauses)).text).toBe('water damage');
    expect(pauses).toHaveLength(1);
    const sent = world.responder.service.of('invocation.run').slice(before);
    expect(sent).toHaveLength(2);
    expect(new Set(sent.map(({ body }) => body)).size).toBe(1);
    expect(new Set(sent.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(sent.map(({ headers }) => headers['signature-input'])).size).toBe(2);
    expect(world.responder.runs).toBe(runs + 1);
  });

  it('is given up after the third time, and never called an answer', async () => {
    world.responder.send = () => ({ text: '{}' });
    const pauses: number[] = [];
    await expect(pauseless(run, pauses)).rejects.toMatchObject({ code: 'transport_failed', retryable: true });
    expect(pauses).toHaveLength(2);
  });
});
