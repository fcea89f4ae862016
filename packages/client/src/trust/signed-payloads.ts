import { requireSeconds, timestampOf } from '@bulla/crypto';
import type { SignedAnswer } from '../connection/errors.js';
import { bullaError } from '../connection/errors.js';
import type { SignedPayload, TrustState } from './trust-store.js';

/** The check by which a command knows that another content of this version was signed here. */
export const SIGNED_ANOTHER_CHECK = 'signed-another';
/** What was refused is kept for as long as somebody may ask. */
const REFUSALS_KEPT = 64;

/**
 * Remembers what is about to be signed. Another content of the same version is signed only when the first can no longer
 * be taken: its time is over, its base is not the newest any more, or the vault refused it in a signed answer (protocol.md
 * A21). Else a vault that kept the first back could show one half of the world this and the other half that.
 * @param now seconds
 * @throws {BullaError} forbidden, check signed-another
 */
export function rememberSigned(state: TrustState, added: readonly SignedPayload[], now: number): TrustState {
  requireSeconds(now);
  for (const one of added) {
    const other = openSigned(state, now).find(
      ({ kind, version, hash }) => kind === one.kind && version === one.version && hash !== one.hash,
    );
    // guard: signed-another
    if (other !== undefined)
      throw bullaError('forbidden', {
        message: `nothing was signed: ${other.kind} version ${other.version} was signed here already, with another content that a vault takes until ${timestampOf(other.until)}: publish that one, or wait`,
        check: SIGNED_ANOTHER_CHECK,
        origin: 'client',
      });
  }
  const before = (state.signed ?? []).filter((one) => !added.some(({ hash }) => hash === one.hash));
  return { ...state, signed: [...keptOf({ ...state, signed: before }, now), ...added] };
}

/** The state in which the vault's refusal of a document is kept. */
export function rememberRefused(state: TrustState, hashes: readonly string[], refused: SignedAnswer): TrustState {
  const signed = (state.signed ?? []).map((one) => (hashes.includes(one.hash) ? { ...one, refused } : one));
  return { ...state, signed };
}

/**
 * What was signed here and may still be taken.
 * @param now seconds
 */
export function openSigned({ signed = [], memory }: TrustState, now: number): readonly SignedPayload[] {
  requireSeconds(now);
  return signed.filter(
    ({ kind, version, until, refused }) =>
      now <= until && // guard: signed-time-over
      refused === undefined && // guard: signed-refused
      version > memory[kind].version, // guard: signed-base-old
  );
}

function keptOf(state: TrustState, now: number): readonly SignedPayload[] {
  const open = openSigned(state, now);
  const refused = (state.signed ?? []).filter((one) => one.refused !== undefined).slice(-REFUSALS_KEPT);
  return [...refused, ...open];
}
