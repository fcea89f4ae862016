import type { LabelMoveResult, Prompt } from '@bulla/contract';
import type { Custody, Trust } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import type { LabelBase, LabelOutcome, LabelTarget } from '../labels/label-moves.js';
import { baseOf, movedOn, moveLabel, moveLatest, outcomeOf, signPosition } from '../labels/label-moves.js';
import type { PromptRef } from '../labels/labels.js';
import { LATEST } from '../labels/labels.js';
import type { PromptDraft, SealedVersionDraft } from './seal-version.js';
import { sealVersion } from './seal-version.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A prompt, and how many versions it has. */
export type NumberedPrompt = PromptRef & Pick<Prompt, 'type' | 'latest_version'>;

/** Labels that are to point to a new version, and the position that each was at when the push began. */
export type LabelBases = ReadonlyMap<string, LabelBase>;

export interface StoredVersion {
  readonly version: number;
  readonly chash: string;
  readonly custody: Custody;
  /** URNs. */
  readonly recipients: readonly string[];
  /** What became of each label, in their order. */
  readonly labels: readonly (LabelOutcome & { readonly label: string })[];
}

/** Longest list of grants in one request. */
const GRANTS_MAX = 64;

/** Nobody has moved it yet. */
const BEGINNING: LabelBase = { seq: 0, pos: '', version: 0 };

/** What labels are moved from, `latest` always among them. */
export async function basesOf(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  labels: readonly string[],
): Promise<LabelBases> {
  const bases = new Map<string, LabelBase>();
  for (const label of new Set([LATEST, ...labels])) bases.set(label, await baseOf(session, trust, prompt, label));
  return bases;
}

/**
 * Makes a prompt with its first version. A name that an earlier prompt bore has positions that the first ones follow:
 * the vault shows them once the prompt is there.
 */
export async function storeNewPrompt(
  session: Session,
  trust: Trust,
  prompt: NumberedPrompt,
  draft: PromptDraft,
  labels: readonly string[],
): Promise<StoredVersion> {
  if ((await session.labels.seen(prompt.name)) === undefined) {
    const bases = new Map([LATEST, ...labels].map((label) => [label, BEGINNING]));
    try {
      return await storeVersion(session, trust, prompt, draft, { bases, isNew: true });
    } catch (error) {
      if (!(error instanceof BullaError) || error.code !== 'label_stale') throw error;
    }
  }
  const { id, name, type } = prompt;
  await session.transport.call('prompt.create', vaultOf(session, trust), trust, { body: { id, name, type } });
  const bases = await basesOf(session, trust, prompt, labels);
  return storeVersion(session, trust, prompt, draft, { bases, isNew: false });
}

/**
 * Seals a draft and stores it as the next version together with the labels that are to point to it, in one request: all
 * of it or nothing. Once more by the newest directory where the vault finds a key in it that is revoked or unknown.
 * @param isNew whether the prompt is made with it.
 */
export async function storeVersion(
  session: Session,
  trust: Trust,
  prompt: NumberedPrompt,
  draft: PromptDraft,
  { bases, isNew }: { readonly bases: LabelBases; readonly isNew: boolean },
): Promise<StoredVersion> {
  const version = prompt.latest_version + 1;
  const service = vaultOf(session, trust);
  const { id, name, type } = prompt;
  const params = { id };
  const { sealed, sent, stored } = await session.keeper.withKnownKeys(trust, async (known) => {
    const made = await sealVersion(session, known, prompt, version, draft);
    const store = async (from: LabelBases) => {
      const signed = await signAll(session, known, prompt, { version, chash: made.chash }, from);
      const body = {
        content: made.content,
        grants: made.grants.slice(0, GRANTS_MAX),
        ...(made.deposit !== undefined && { deposit: made.deposit }),
        tags: signed.map(({ tag }) => tag),
        ...(isNew && { prompt: { name, type } }),
      };
      const call = { params, body, ifMatch: prompt.latest_version };
      return {
        sealed: made,
        sent: signed,
        stored: await session.transport.call('version.create', service, known, call),
      };
    };
    return isNew ? store(bases) : withLatestBase(session, known, prompt, version, bases, store);
  });
  requireStored(sealed, stored, version, sent.length);
  const labels: (LabelOutcome & { label: string })[] = [];
  for (const [index, { label, seq, tag }] of sent.entries()) {
    const result = stored.labels[index] as LabelMoveResult;
    labels.push({ ...(await outcomeOf(session, trust, prompt, label, { version, seq, tag }, result)), label });
  }
  for (let from = GRANTS_MAX; from < sealed.grants.length; from += GRANTS_MAX) {
    const more = { grants: sealed.grants.slice(from, from + GRANTS_MAX) };
    await session.transport.call('grant.add', service, trust, { params, body: more });
  }
  return { version, chash: sealed.chash, custody: sealed.custody, recipients: sealed.recipients, labels };
}

/** Points labels to a version that is stored already, each by a request of its own. */
export async function moveEach(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  target: LabelTarget,
  bases: LabelBases,
): Promise<StoredVersion['labels']> {
  const labels: (LabelOutcome & { label: string })[] = [];
  for (const [label, base] of bases) {
    const move = label === LATEST ? moveLatest : moveLabel;
    labels.push({ ...(await move(session, trust, prompt, label, target, base)), label });
  }
  return labels;
}

interface SignedMove {
  readonly label: string;
  readonly seq: number;
  readonly tag: string;
}

/** This device's tag for the next position of each label. */
async function signAll(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  target: { readonly version: number; readonly chash: string },
  bases: LabelBases,
): Promise<SignedMove[]> {
  const signed: SignedMove[] = [];
  for (const [label, base] of bases) {
    const position = { ...target, seq: base.seq + 1, prev: base.pos };
    signed.push({ label, seq: position.seq, tag: await signPosition(session, trust, prompt, label, position) });
  }
  return signed;
}

/** `latest` alone is signed again where somebody moved it meanwhile, and only while it would go up. */
async function withLatestBase<Value>(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  version: number,
  bases: LabelBases,
  store: (bases: LabelBases) => Promise<Value>,
): Promise<Value> {
  try {
    return await store(bases);
  } catch (error) {
    const before = bases.get(LATEST);
    if (!(error instanceof BullaError) || error.code !== 'label_stale' || before === undefined) throw error;
    const newer = await movedOn(session, trust, prompt, LATEST, version, error);
    // Another label is the one that moved.
    if (newer.seq === before.seq) throw error;
    return store(new Map([...bases, [LATEST, newer]]));
  }
}

/** @throws {BullaError} envelope_tampered */
function requireStored(
  { chash }: SealedVersionDraft,
  stored: { readonly version: number; readonly chash: string; readonly labels: readonly unknown[] },
  version: number,
  labels: number,
): void {
  // guard: client-stored
  if (stored.version !== version || stored.chash !== chash || stored.labels.length !== labels) {
    throw bullaError('envelope_tampered', {
      message: 'the vault stored something else than was sent',
      check: 'content-hash',
      origin: 'client',
    });
  }
}
