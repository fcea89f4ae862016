import type { TestOrganisation } from '@bulla/crypto/testing';
import { ask, type StoredPrompt, type TestMember } from '../services/responder/test/asking.js';
import { askChat, type AskedChat } from '../services/responder/test/chatting.js';
import { type Message, signedMessage } from '../test/faults/signed-requests.js';

/** So many are made at a time: signatures are made beside each other in the thread pool. */
const MADE_AT_ONCE = 32;

/** Makes the request that is to be sent at a moment, in seconds since 1970. */
export type Maker = (askedAt: number) => Promise<Buffer>;

export interface RunOptions {
  readonly stream: boolean;
  readonly privacy: 'padded' | 'strict';
}

/** What a client knows before it asks. */
export interface Ground {
  readonly organisation: TestOrganisation;
  readonly askers: readonly TestMember[];
  readonly prompt: StoredPrompt;
  /** Of the bundle that the vault hands out. */
  readonly tags: readonly string[];
}

/** `POST /api/v1/envelopes`: an envelope of its own for each. */
export function envelopeRequests(url: string, { organisation, askers, prompt }: Ground): Maker {
  const next = takeTurns(askers);
  const body = { prompt: prompt.id, label: 'latest', aud: organisation.responders[0].urn };
  return async (signedAt) => bytesOf(await signedMessage(url, next(), 'POST', '/api/v1/envelopes', { body, signedAt }));
}

/**
 * `POST /api/v1/invocations`: a question of its own under an envelope of its own for each, as the vault would sign it.
 * @param opt how it is to be answered; as a whole unless given.
 */
export function runRequests(url: string, { organisation, askers, prompt, tags }: Ground, opt?: RunOptions): Maker {
  const next = takeTurns(askers);
  return async (signedAt) => {
    const asker = next();
    const envelope = { cnf: { jkt: asker.sig.kid } };
    const question = opt === undefined ? {} : { opt };
    const options = { asker, now: signedAt, envelope, question, bundle: { tags: [...tags] } };
    const { body } = await ask(organisation, prompt, options);
    return bytesOf(await signedMessage(url, asker, 'POST', '/api/v1/invocations', { body, signedAt }));
  };
}

/** `POST /api/v1/envelopes` of a chat, for one question each. */
export function chatEnvelopeRequests(url: string, { organisation, askers }: Ground): Maker {
  const next = takeTurns(askers);
  const body = { purpose: 'chat.invoke', models: ['default'], aud: organisation.responders[0].urn, uses: 1 };
  return async (signedAt) => bytesOf(await signedMessage(url, next(), 'POST', '/api/v1/envelopes', { body, signedAt }));
}

/** `POST /api/v1/invocations` of a chat of 1 KiB, so many questions under each envelope. */
export function chatRequests(url: string, { organisation, askers }: Ground, uses: number): Maker {
  const next = takeTurns(askers);
  const held = new Map<TestMember, { readonly asked: AskedChat; left: number }>();
  // As long as the stored prompt of the ground, and with a last message, which comes back, as short.
  const messages = [
    { role: 'system' as const, content: 'Decide about claims by the rules of the house. '.repeat(21) },
    { role: 'user' as const, content: 'The claim: a short one' },
  ];
  const question = { messages };
  return async (signedAt) => {
    const asker = next();
    const shared = held.get(asker);
    const earlier = shared !== undefined && shared.left > 0 ? shared : undefined;
    if (earlier !== undefined) earlier.left--;
    const pol = { uses, stream: true, models: ['default'] };
    const envelope = { cnf: { jkt: asker.sig.kid }, exp: signedAt + 300, pol };
    const asked = await askChat(organisation, { asker, now: signedAt, envelope, question, earlier: earlier?.asked });
    if (earlier === undefined && uses > 1) held.set(asker, { asked, left: uses - 1 });
    return bytesOf(await signedMessage(url, asker, 'POST', '/api/v1/invocations', { body: asked.body, signedAt }));
  };
}

/** Signed reads, each of a path of its own. */
export function readRequests(url: string, asker: TestMember, pathOf: () => string): Maker {
  return async (signedAt) => bytesOf(await signedMessage(url, asker, 'GET', pathOf(), { signedAt }));
}

/** `GET` of the directory that everybody may read: nothing is signed. */
export function documentRequests(url: string, { organisation }: Ground): Maker {
  const target = `/.well-known/bulla/${organisation.org}/directory.json`;
  const request = bytesOf({ method: 'GET', target, headers: { host: new URL(url).host }, body: undefined });
  return async () => request;
}

/** Makes one request for each moment. */
export async function makeAll(make: Maker, moments: readonly number[]): Promise<Buffer[]> {
  const requests = Array.from<Buffer>({ length: moments.length });
  let next = 0;
  const maker = async () => {
    for (let at = next++; at < moments.length; at = next++) requests[at] = await make(moments[at] as number);
  };
  await Promise.all(Array.from({ length: MADE_AT_ONCE }, maker));
  return requests;
}

function takeTurns<Value>(all: readonly Value[]): () => Value {
  let turn = 0;
  return () => all[turn++ % all.length] as Value;
}

/** As it goes over a connection that stays open. */
function bytesOf({ method, target, headers, body }: Message): Buffer {
  const all = { ...headers, 'content-length': String(body?.length ?? 0) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const head = Buffer.from(`${[`${method} ${target} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
  return body === undefined ? head : Buffer.concat([head, body]);
}
