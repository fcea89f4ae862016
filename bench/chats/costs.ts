import { parseEnvelope } from '@bulla/crypto';
import type { TestMember } from '../../services/responder/test/asking.js';
import { call } from '../../test/faults/signed-requests.js';
import { processorSeconds } from '../machine.js';
import type { World } from '../world.js';
import { measurePeak } from '../measure.js';
import { chatEnvelopeRequests, chatRequests, envelopeRequests, type Maker, runRequests } from '../requests.js';

/** Requests that each stretch is prepared for, a second. */
const EXPECTED = 1_200;
const CLIENTS = 32;
const ROUNDS = 3;
/** How many questions one envelope is good for, of those that are shared. */
export const SHARED_USES = 100;

/** Processor time of a service for each request, in milliseconds. */
export interface Costs {
  readonly vault: number;
  readonly responder: number;
}

export interface ChatCosts {
  /** A run of the stored prompt. */
  readonly prompt: Costs;
  /** A chat of 1 KiB, each question under an envelope of its own. */
  readonly chat: Costs;
  /** The same under an envelope for a hundred, whose issue counts to a hundredth. */
  readonly shared: Costs;
}

/** So many of them are issued to see what one takes. */
const SHARED_ENVELOPES = 300;
const KINDS = ['prompt', 'chat', 'shared'] as const;
type Kind = (typeof KINDS)[number];

/** A service, and what makes each kind of request to it ahead. */
interface Asked {
  readonly service: World['vault'];
  readonly makes: Readonly<Partial<Record<Kind, (url: string) => Maker>>>;
}

/** Has each kind of question asked in turns; the middle of the rounds counts. */
export async function compareChats(
  { vault, responder, ground }: World,
  seconds: number,
  say: (line: string) => void,
): Promise<ChatCosts> {
  const services = {
    vault: {
      service: vault,
      makes: {
        prompt: (url: string) => envelopeRequests(url, ground),
        chat: (url: string) => chatEnvelopeRequests(url, ground),
      },
    },
    responder: {
      service: responder,
      makes: {
        prompt: (url: string) => runRequests(url, ground),
        chat: (url: string) => chatRequests(url, ground, 1),
        shared: (url: string) => chatRequests(url, ground, SHARED_USES),
      },
    },
  } satisfies Record<keyof Costs, Asked>;
  const found: Record<Kind, Record<keyof Costs, number>> = {
    prompt: { vault: Number.NaN, responder: Number.NaN },
    chat: { vault: Number.NaN, responder: Number.NaN },
    shared: { vault: Number.NaN, responder: Number.NaN },
  };
  for (const name of ['vault', 'responder'] as const) {
    const { service, makes }: Asked = services[name];
    const all: Record<Kind, number[]> = { prompt: [], chat: [], shared: [] };
    // The first time around is not counted: the programs are still being compiled.
    for (let round = 0; round <= ROUNDS; round++)
      for (const kind of KINDS) {
        const make = makes[kind];
        if (make === undefined) continue;
        const asking = { name: `${name}, ${kind}`, service, make };
        const best = { clients: CLIENTS, figures: { goodput: EXPECTED } };
        const { msEach, figures } = await measurePeak(asking, best, { seconds, say });
        if (figures.refused > 0) throw new Error(`${name}, ${kind}: ${figures.refused} requests were refused`);
        if (round > 0) all[kind].push(msEach);
      }
    for (const kind of KINDS) found[kind][name] = middle(all[kind]);
  }
  found.shared.vault = (await sharedEnvelopeMs({ vault, ground })) / SHARED_USES;
  return found;
}

/**
 * Processor time of the vault for an envelope for many questions. One after the other: each says which one it takes the
 * place of.
 */
async function sharedEnvelopeMs({ vault, ground }: Pick<World, 'vault' | 'ground'>): Promise<number> {
  const asker = ground.askers[0] as TestMember;
  const aud = ground.organisation.responders[0].urn;
  const pid = vault.child.pid ?? 0;
  const before = processorSeconds(pid);
  let replaces: { readonly replaces?: string } = {};
  for (let count = 0; count < SHARED_ENVELOPES; count++) {
    const body = { purpose: 'chat.invoke', models: ['default'], aud, uses: SHARED_USES, ...replaces };
    const { status, body: bundle } = await call(vault.url, asker, 'POST', '/api/v1/envelopes', { body });
    if (status !== 201) throw new Error(`an envelope for many questions was refused: ${status}`);
    replaces = { replaces: parseEnvelope((bundle as { env: string }).env).claims.jti };
  }
  return ((processorSeconds(pid) - before) / SHARED_ENVELOPES) * 1000;
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
