import { EARLIER_DIRECTORIES_MAX, RestoredVault } from '@bulla/contract';
import type { DirectoryHead, Trust } from '@bulla/crypto';
import { readDirectoryHead, strictParseBody, utf8 } from '@bulla/crypto';
import { BullaError, checked, transportFailed } from '../connection/errors.js';
import type { LabelHead } from '../labels/label-heads.js';
import type { DocumentsPlace } from './served-documents.js';
import { noSuchOrganisation, readDocument } from './served-documents.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { TrustState } from './trust-store.js';
import { urlUnder } from '../connection/url-under.js';

const RESTORED_MAX_BYTES = 1_024;

/** A label that a restored vault may have lost moves of. */
export interface KeptLabel {
  readonly name: string;
  readonly label: string;
  /** Position that is remembered. */
  readonly seq: number;
  /** Position at which it stands by the vault's word; undefined where it has none, or does not tell us yet. */
  readonly shown: number | undefined;
}

/** What this client remembers beyond what a restored vault has. */
export interface KeptBeyond {
  /** When the vault noticed that it was restored, as it says. */
  readonly restored: string;
  /** Versions of the directory: what the vault shows, and what is remembered. */
  readonly directory: { readonly shown: number; readonly kept: number };
  /** Versions of the root under which these stand. */
  readonly root: { readonly shown: number; readonly kept: number };
  readonly labels: readonly KeptLabel[];
}

/** What a vault took back. */
export interface HandedBack {
  /** Versions of directories. */
  readonly directories: number;
  /** Labels, and how many of their moves. */
  readonly labels: readonly (Pick<KeptLabel, 'name' | 'label' | 'seq'> & { readonly taken: number })[];
  readonly refused: readonly (Pick<KeptLabel, 'name' | 'label' | 'seq'> & { readonly why: string })[];
}

/** Where labels stand by the vault's word: positions by name and label. */
export type ReadStanding = (trust: Trust) => Promise<ReadonlyMap<string, number>>;

export function keyOf({ name, label }: Pick<KeptLabel, 'name' | 'label'>): string {
  return `${name} ${label}`;
}

/** When the vault noticed that it was restored, as long as it waits for an admin; undefined where it does not. */
export async function restoredAt(place: DocumentsPlace): Promise<string | undefined> {
  const text = await readDocument(place, 'restored.json');
  // An earlier version of the vault does not know this route.
  if (text === undefined) return undefined;
  const body = await checked(async () => strictParseBody(utf8(text), { maxBytes: RESTORED_MAX_BYTES }));
  const read = RestoredVault.safeParse(body);
  if (!read.success) throw transportFailed('the answer does not have the form it should have');
  return read.data.restored ?? undefined;
}

/** What is kept beyond what a restored vault has; undefined where it was not restored, or nothing is remembered. */
export async function readKept(session: Session, readStanding: ReadStanding): Promise<KeptBeyond | undefined> {
  const { keeper } = session;
  const restored = await restoredAt(keeper.place);
  const state = await keeper.state();
  const trust = await keeper.remembered();
  if (restored === undefined || state === undefined || trust === undefined) return undefined;
  const { version: shown, root_version: root } = await shownDirectory(keeper.place);
  const standing = await standingOr(readStanding, trust);
  const labels = headsOf(state)
    .map(({ name, head: { label, seq } }) => ({ name, label, seq, shown: standing.get(keyOf({ name, label })) }))
    .filter(({ seq, shown: at }) => at === undefined || at < seq);
  return {
    restored,
    directory: { shown, kept: trust.directory.version },
    root: { shown: root, kept: trust.root.version },
    labels,
  };
}

/**
 * Hands back what is remembered beyond what a restored vault has: documents first, since they say whose signatures count,
 * then labels. What the vault has already is left alone.
 * @throws {BullaError} what the vault said to documents; transport_failed
 */
export async function handBack(session: Session, readStanding: ReadStanding): Promise<HandedBack | undefined> {
  const kept = await readKept(session, readStanding);
  const state = await session.keeper.state();
  if (kept === undefined || state === undefined) return undefined;
  const directories = Math.max(0, kept.directory.kept - kept.directory.shown);
  // A newer root decides, however many directories somebody else handed back under the one before.
  // guard: client-roots-first without: const isRootNewer = false;
  const isRootNewer = kept.root.kept > kept.root.shown;
  const from = isRootNewer ? Math.max(1, kept.directory.kept - EARLIER_DIRECTORIES_MAX) : kept.directory.shown;
  if (directories > 0 || isRootNewer) await handBackDocuments(session.keeper.place, state, from);
  // A vault that knows more of the documents than we do may list other keys of its own.
  const isBehind = !isRootNewer && kept.directory.shown > kept.directory.kept;
  const trust = isBehind ? await session.keeper.catchUp() : undefined;
  const labels: HandedBack['labels'][number][] = [];
  const refused: HandedBack['refused'][number][] = [];
  // Who let this device in may have been lost too: now it can ask where labels stand.
  const lost = directories > 0 || isRootNewer ? await readKept(session, readStanding) : kept;
  const wanted = new Set(lost?.labels.map(keyOf));
  for (const { name, head } of headsOf(state)) {
    const { label, seq } = head;
    if (!wanted.has(keyOf({ name, label }))) continue;
    const outcome = await handBackLabel(session, trust, name, head);
    if (typeof outcome === 'string') refused.push({ name, label, seq, why: outcome });
    else if (outcome > 0) labels.push({ name, label, seq, taken: outcome });
  }
  return { directories, labels, refused };
}

/** A device that no directory of the vault lists cannot ask where labels stand, until documents are back. */
async function standingOr(readStanding: ReadStanding, trust: Trust): Promise<ReadonlyMap<string, number>> {
  try {
    return await readStanding(trust);
  } catch (error) {
    if (error instanceof BullaError) return new Map();
    throw error;
  }
}

async function shownDirectory(place: DocumentsPlace): Promise<DirectoryHead> {
  const text = await readDocument(place, 'directory.json');
  if (text === undefined) throw noSuchOrganisation(place.org);
  return checked(async () => readDirectoryHead(text));
}

async function handBackDocuments(
  { org, vaultUrl, reader }: DocumentsPlace,
  { documents, memory }: TrustState,
  from: number,
): Promise<void> {
  const { roots, policy, directory, fresh = [] } = documents;
  const hashes = memory.hashes?.slice(from - 1) ?? [];
  const body = { roots, policy, directory, from, hashes, fresh };
  await reader.send(urlUnder(vaultUrl, `/api/v1/organisations/${org}/handback`), body);
}

/** @returns how many moves were taken, or why none */
async function handBackLabel(
  session: Session,
  newest: Trust | undefined,
  name: string,
  { label, tuples, tags }: LabelHead,
): Promise<number | string> {
  const trust = newest ?? (await session.keeper.remembered());
  if (trust === undefined) return 'nothing is remembered';
  try {
    const body = { name, label, moves: [...tuples], tags: [...tags] };
    const { taken } = await session.transport.call('label.handback', vaultOf(session, trust), trust, { body });
    return taken;
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'vault') return `${error.message} (${error.code})`;
    throw error;
  }
}

/** Positions that are remembered with the moves that led there; of earlier ones nobody can prove anything. */
function headsOf({ names }: TrustState): { readonly name: string; readonly head: LabelHead }[] {
  return names.flatMap(([name, { labels }]) => labels.flatMap((one) => ('pos' in one ? [{ name, head: one }] : [])));
}
