import type { JudgedProposal, TrustDocuments } from '@bulla/crypto';
import { documentsAfter, SKEW_SECONDS } from '@bulla/crypto';
import { pause } from '../connection/backoff.js';
import type { BullaErrorCode, SignedAnswer } from '../connection/errors.js';
import { BullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { Trust } from '@bulla/crypto';
import { rememberRefused } from './signed-payloads.js';

/** How often a vault is asked again whose clock is behind ours, by as much as clocks may be. */
const EARLY_PAUSE_MS = 2_000;

/**
 * Publishes what everybody signed who must: a root with its policy and directory in one request.
 * @returns what is trusted afterwards.
 * @throws {VerifyError} signature_invalid where signatures are missing; {BullaError} what the vault refused, which is kept
 */
export async function publishProposal(session: Session, judged: JudgedProposal): Promise<Trust> {
  const documents = await checked(() => documentsAfter(judged, session.now()));
  try {
    await send(session, judged, documents);
  } catch (error) {
    await keepRefusal(session, hashesOf(judged), error);
    throw error;
  }
  return session.keeper.refresh();
}

async function send(
  session: Session,
  { proposal, base, from }: JudgedProposal,
  documents: TrustDocuments,
): Promise<void> {
  const { transport } = session;
  const { root, policy } = proposal.next;
  const { directory } = documents;
  const vault = vaultOf(session, base);
  const params = { org: base.org };
  if (root !== undefined) {
    const body = { root: root.token, policy: documents.policy, directory };
    const n = root.payload.version;
    for (;;) {
      try {
        await transport.call('root.publish', vault, base, { params: { ...params, n }, body, ifMatch: n - 1 });
        return;
      } catch (error) {
        const late = session.now() - from;
        if (!isEarly(error) || late < 0 || late > SKEW_SECONDS) throw error;
        await pause(EARLY_PAUSE_MS, undefined);
      }
    }
  }
  if (policy !== undefined) {
    const ifMatch = policy.payload.version - 1;
    const body = { policy: policy.token };
    try {
      await transport.call('policy.publish', vault, base, { params, body, ifMatch });
    } catch (error) {
      // It got there before an interruption; the directory that names it decides.
      if (!(error instanceof BullaError) || error.code !== 'version_conflict') throw error;
    }
  }
  if (proposal.enrolment === undefined)
    await transport.call('directory.publish', vault, base, {
      params,
      body: { directory },
      ifMatch: base.directory.version,
    });
  else
    await transport.call('enrolment.approve', vault, base, { params: { id: proposal.enrolment }, body: { directory } });
}

/**
 * Keeps the signed refusal of documents: from then on their signers may sign others of their versions.
 */
export async function keepRefusal(session: Session, hashes: readonly string[], error: unknown): Promise<void> {
  const answer = refusalIn(error);
  if (answer !== undefined) await session.keeper.note((state) => rememberRefused(state, hashes, answer));
}

/**
 * What a vault says of a document that it never takes. All else may be about who asks, or over in a moment: that it is too
 * early, that the vault was restored, that something broke. So may be what the vault holds: versions that are to be
 * resealed first, names that it keeps, another document that waits or that this one follows.
 */
const FINAL: ReadonlySet<BullaErrorCode> = new Set([
  'key_invalid',
  'payload_too_large',
  'signature_invalid',
  'token_malformed',
  'trust_expired',
  'trust_rollback',
  'validation_failed',
]);

/** What a vault signed that takes a document never; undefined where it may take it yet, or did. */
export function refusalIn(error: unknown): SignedAnswer | undefined {
  if (!(error instanceof BullaError)) return undefined;
  // guard: refusal-final without: return error.answer;
  return FINAL.has(error.code) ? error.answer : undefined;
}

function hashesOf({ proposal: { next } }: JudgedProposal): string[] {
  return [next.root, next.policy, next.directory].flatMap((one) => (one === undefined ? [] : [one.hash]));
}

function isEarly(error: unknown): boolean {
  return error instanceof BullaError && error.code === 'clock_skew' && error.answer !== undefined;
}
