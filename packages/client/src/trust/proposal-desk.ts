import type { AddedSignature, JudgedProposal, Signer } from '@bulla/crypto';
import { judgeProposal, parseProposal, ROOT_TAKEN_SECONDS, signaturesBy, signProposal } from '@bulla/crypto';
import { checked } from '../connection/errors.js';
import { requireNobodyLockedOut } from './locked-out.js';
import { rememberSigned } from './signed-payloads.js';
import type { TrustState, TrustStore } from './trust-store.js';

export interface ProposalDeskOptions {
  readonly org: string;
  readonly pin: string;
  /** What this place trusted, and what it signed. */
  readonly store: TrustStore;
  /** Seconds. */
  readonly now: () => number;
}

/** What keys would sign of a proposal now. */
export interface SigningPlan {
  readonly added: readonly AddedSignature[];
  /** Seconds: from when on they sign the directory of a root that is planned for later; undefined where they sign it now. */
  readonly directoryFrom: number | undefined;
}

/** The directory under a planned root is signed when its moment is near: until then others follow the one that counts. */
const DIRECTORY_BEFORE_SECONDS = 3_600;

/** Where proposals are read and signed. It takes keys and a memory, and neither a device nor a network. */
export class ProposalDesk {
  readonly #options: ProposalDeskOptions;

  constructor(options: ProposalDeskOptions) {
    this.#options = options;
  }

  /**
   * Reads a proposal and verifies what it stands on, by the pin and by what this place remembers.
   * @throws {TrustError} pin_mismatch, trust_rollback, trust_expired, …; {VerifyError} token_malformed, signature_invalid;
   *   {BullaError} validation_failed where it would lock everybody out
   */
  async read(text: string): Promise<JudgedProposal> {
    const { org, pin, store, now } = this.#options;
    const previous = (await store.load(org, pin))?.memory;
    const expected = { org, pin, now: now(), previous };
    const judged = await checked(async () => judgeProposal(await parseProposal(text), expected));
    requireNobodyLockedOut(judged.base, judged.after, Math.max(now(), judged.from));
    return judged;
  }

  async plan(judged: JudgedProposal, kids: readonly string[]): Promise<SigningPlan> {
    const all = await signaturesBy(judged, kids);
    const from = judged.from - DIRECTORY_BEFORE_SECONDS;
    // guard: desk-directory-later without: const isEarly = false;
    const isEarly = judged.proposal.next.root !== undefined && this.#options.now() < from;
    const later = all.filter(({ kind }) => isEarly && kind === 'directory');
    return {
      added: all.filter((one) => !later.includes(one)),
      directoryFrom: later.length > 0 ? from : undefined,
    };
  }

  /**
   * Signs what is planned, after it was remembered.
   * @returns the proposal with these signatures, as text
   * @throws {BullaError} forbidden, check signed-another, if another content of a version was signed here
   */
  async sign(judged: JudgedProposal, signers: readonly Signer[], { added }: SigningPlan): Promise<string> {
    const { org, pin, store, now } = this.#options;
    const payloads = added.map(({ kind, version, hash }) => ({ kind, version, hash, until: untilOf(judged) }));
    await store.update(org, pin, (state) => rememberSigned(state ?? firstState(judged), payloads, now()));
    return signProposal(judged, signers, added);
  }
}

/** What is signed under a root that nobody took in its time is of before every other one that could follow. */
function untilOf({ proposal, until, from }: JudgedProposal): number {
  return proposal.next.root === undefined ? until : from + ROOT_TAKEN_SECONDS;
}

/** Of a place that saw nothing of the organisation before: it is fetched where it is used. */
function firstState({ base: { pin, documents, memory } }: JudgedProposal): TrustState {
  return { pin, documents, memory, fetchedAt: 0, names: [] };
}
