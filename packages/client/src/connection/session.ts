import type { ResolvedTag, Trust } from '@bulla/crypto';
import { bullaError } from './errors.js';
import type { Identity } from './identity.js';
import type { LabelKeeper } from '../labels/label-keeper.js';
import { requireLoopback } from './loopback.js';
import type { PiiGate } from '../pii/pii-gate.js';
import type { ToldKeeper } from '../audit/told/told-keeper.js';
import type { Service, Transport } from './transport.js';
import type { TrustKeeper } from '../trust/trust-keeper.js';
import type { SeenName } from '../trust/trust-store.js';

/** What every part of the SDK works with. */
export interface Session {
  readonly identity: Identity;
  readonly vaultUrl: URL;
  readonly keeper: TrustKeeper;
  readonly labels: LabelKeeper;
  readonly transport: Transport;
  /** Keeps what answers tell of the logs of their responders. */
  readonly told: ToldKeeper;
  /** What every question passes before it is sealed. */
  readonly pii: PiiGate;
  /** Seconds. */
  readonly now: () => number;
  /** Told what a person should know and nothing failed for. */
  readonly notice: (message: string) => void;
}

/** The vault: its address is the caller's own setting, its name is the directory's. */
export function vaultOf(session: Session, trust: Trust): Service {
  const [urn] = trust.entitiesOf('vault');
  if (urn === undefined) throw bullaError('key_unknown', { message: 'the directory lists no vault', origin: 'client' });
  return { url: session.vaultUrl, urn };
}

/**
 * A vault or responder by its URN, whatever its keys are.
 * @throws {BullaError} pin_mismatch as {@link responderOf}
 */
export function serviceAt(session: Session, trust: Trust, urn: string): Service {
  const entity = trust.entity(urn);
  if (entity?.kind !== 'responder') return { url: session.vaultUrl, urn };
  const url = new URL(entity.url);
  requireLoopback(trust, url);
  return { url, urn };
}

/**
 * A responder with an active key, by its URN or the first there is; its address is signed in the directory.
 * @throws {BullaError} key_unknown; pin_mismatch if a development organisation names one that is not on this machine
 */
export function responderOf(session: Session, trust: Trust, wanted?: string): Service {
  const usable = trust
    .entitiesOf('responder')
    .filter((urn) => trust.activeKeys(urn, 'unwrap', session.now()).length > 0);
  const urn = wanted === undefined ? usable[0] : usable.find((one) => one === wanted);
  if (urn === undefined) {
    throw bullaError('key_unknown', {
      message: 'the directory lists no such responder with an active key',
      origin: 'client',
    });
  }
  return serviceAt(session, trust, urn);
}

/**
 * The responder that a caller chose, or the first there is.
 * @throws {BullaError} validation_failed, naming those that are listed, if the choice is not of them; as responderOf
 */
export function chosenResponder(session: Session, trust: Trust, wanted: string | undefined): Service {
  const listed = trust.entitiesOf('responder');
  // guard: client-responder-listed
  if (wanted !== undefined && !listed.includes(wanted)) {
    throw bullaError('validation_failed', {
      message: `the directory lists no responder of that name; it lists ${listed.join(', ') || 'none'}`,
      origin: 'client',
    });
  }
  return responderOf(session, trust, wanted);
}

/** Says aloud that a name stands for another prompt than before. */
export function noticeRemade(
  session: Session,
  seen: SeenName | undefined,
  { name, sub }: Pick<ResolvedTag, 'name' | 'sub'>,
): void {
  if (seen !== undefined && seen.sub !== sub)
    session.notice(`${name} is another prompt than before: it was deleted and made again`);
}
