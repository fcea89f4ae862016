import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import type { ConnectOptions } from '../src/bulla.js';
import { Bulla } from '../src/bulla.js';
import { identityOf } from '../src/connection/identity.js';
import type { PromptDraft } from '../src/prompts/seal-version.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { TestResponder } from './responder.js';
import { TestVault } from './vault.js';

/** A clock that tests move on by hand. */
export class Clock {
  seconds = Math.floor(Date.now() / 1000);
  readonly now = (): number => this.seconds;
}

/** The clock of everybody, for what cannot be told another one. */
export class WallClock extends Clock {
  override readonly now = (): number => Math.floor(Date.now() / 1000);
}

/** An organisation with a running vault and responder. */
export interface World {
  readonly clock: Clock;
  readonly organisation: TestOrganisation;
  readonly vault: TestVault;
  readonly responder: TestResponder;
  /** What clients were told. */
  readonly notices: string[];
  /** An SDK for a member, with a store of its own unless given. */
  client(member?: TestOrganisation['owner'], options?: Partial<ConnectOptions>): Promise<Bulla>;
  stop(): Promise<void>;
}

/** Starts one; its directory says where the responder is. Its keys are of p256 unless another suite is given. */
export async function makeWorld(
  options: Parameters<typeof makeOrganisation>[0] = {},
  clock = new Clock(),
): Promise<World> {
  // Its own suite comes first: new devices take it.
  const policy = { suites: ['p256', 'rsa2048', 'rsa3072', 'ed25519'], ...options.policy };
  const keys = { suite: 'p256', readyKeyPair: committedKeyPair } as const;
  const organisation = await makeOrganisation({ now: clock.seconds, ...keys, ...options, policy });
  const vault = new TestVault(organisation, clock.now);
  const responder = new TestResponder(organisation, organisation.responders[0], clock.now);
  await Promise.all([vault.service.start(), responder.service.start()]);
  await organisation.publish((draft) => {
    const entity = draft.entities[organisation.responders[0].urn];
    if (entity?.kind === 'responder') entity.url = responder.service.url;
  });
  const notices: string[] = [];
  return {
    clock,
    organisation,
    vault,
    responder,
    notices,
    async client(member = organisation.owner, more = {}) {
      return Bulla.offline({
        url: vault.service.url,
        identity: await identityOf(member.keyFile),
        pin: organisation.pin,
        store: new MemoryTrustStore(),
        now: clock.now,
        notice: (message) => notices.push(message),
        ...more,
      });
    },
    async stop() {
      await Promise.all([vault.service.stop(), responder.service.stop()]);
    },
  };
}

/** A prompt of one message. */
export function draftOf(text: string, change: Partial<PromptDraft> = {}): PromptDraft {
  return {
    content: {
      messages: [{ role: 'user', content: text }],
      vars: { claim: { type: 'string', max: 1000 } },
      model: { name: 'default' },
    },
    acceptsMessages: false,
    ...change,
  };
}

/**
 * Where nobody listens. A port that was free a moment ago may be given to another test; this one is given to nobody, and
 * `fetch` does not refuse it unasked.
 */
export const NOBODY_URL = 'http://127.0.0.1:2';

/** A token or a signature whose last letters are others, canonical base64url like those before, whatever they were. */
export function withAnotherEnd(text: string): string {
  return `${text.slice(0, -4)}${text.endsWith('AAAA') ? 'BAAA' : 'AAAA'}`;
}
