import type { JudgedProposal, TrustDocuments } from '@bulla/crypto';
import { documentsAfter, parseDirectory, SKEW_SECONDS } from '@bulla/crypto';
import { pause } from '../connection/backoff.js';
import type { BullaErrorCode, SignedAnswer } from '../connection/errors.js';
import { BullaError, checked, transportFailed } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { Trust } from '@bulla/crypto';
import { rememberRefused } from './signed-payloads.js';

/** How often a vault is asked again whose clock is behind ours, by as much as clocks may be. */
const EARLY_PAUSE_MS = 2_000;

/** A vault's replicas look every half second at what another one has taken. */
const SHOWN_PAUSE_MS = 250;
const SHOWN_TRIES_MAX = 40;

/**
 * Publishes what everybody signed who must: a root with its policy and directory in one request.
 * @returns what is trusted afterwards: what was published, or something newer.
 * @throws {VerifyError} signature_invalid where signatures are missing; {BullaError} what the vault refused, which is kept;
 *   transport_failed where the vault took it and shows older documents for ten seconds
 */
export async function publishProposal(session: Session, judged: JudgedProposal): Promise<Trust> {
  const documents = await checked(() => documentsAfter(judged, session.now()));
  try {
    await send(session, judged, documents);
  } catch (error) {
    await keepRefusal(session, hashesOf(judged), error);
    throw error;
  }
  return shownAfter(session, judged, documents);
}

/** What the vault shows once it is not older than what was published: the replica that is asked may not have looked yet. */
async function shownAfter(session: Session, { proposal }: JudgedProposal, documents: TrustDocuments): Promise<Trust> {
  const { root, policy } = proposal.next;
  const directory = (await parseDirectory(documents.directory)).payload.version;
  const isShown = (trust: Trust) =>
    trust.root.version >= (root?.payload.version ?? 1) &&
    trust.policy.version >= (policy?.payload.version ?? 1) &&
    trust.directory.version >= directory;
  for (let tries = 1; ; tries++) {
    const trust = await session.keeper.refresh();
    // guard: published-shown without: return trust;
    if (isShown(trust)) return trust;
    if (tries === SHOWN_TRIES_MAX)
      throw transportFailed('the vault took the documents and shows older ones: look again with `bulla trust show`');
    await pause(SHOWN_PAUSE_MS, undefined);
  }
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
 * What a vault says of a document that it does not take. All else may be about who asks, or over in a moment: that it is too
 * early, that the vault was restored, that something broke.
 */
const FINAL: ReadonlySet<BullaErrorCode> = new Set([
  'custody_not_allowed',
  'key_invalid',
  'needs_rewrap',
  'payload_too_large',
  'signature_invalid',
  'token_malformed',
  'trust_expired',
  'trust_rollback',
  'validation_failed',
  'version_conflict',
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
