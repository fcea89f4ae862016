import type { LabelPosition, Prompt, VersionSummary } from '@bulla/contract';
import type { ResolvedTag, Signer, Trust } from '@bulla/crypto';
import { CryptoError, urnOf, verifyTags } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { OpenedVersion } from '../prompts/open-version.js';
import { grantsOf } from '../prompts/grants-of.js';
import type { Prompts } from '../prompts/prompts.js';
import type { RevocationReason } from '../trust/next-directory.js';
import { revokeDevice } from '../trust/next-directory.js';
import { publishNextDirectory } from '../trust/publish-directory.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A version, as far as the vault says; `chash` names its content for certain. */
export interface WrittenVersion {
  readonly name: string;
  readonly version: number;
  readonly chash: string;
}

/** What revoking a device would mean for what it wrote. */
export interface RevocationPlan {
  /** URNs. */
  readonly device: string;
  readonly user: string;
  /** Named by a label that another person signed: they stay trusted. */
  readonly vouched: readonly WrittenVersion[];
  /** Named by nobody else: they open no more, unless somebody reads them first and answers for them. */
  readonly unvouched: readonly WrittenVersion[];
  /** Labels that only this person's devices signed: they point nowhere until somebody moves them. */
  readonly loneLabels: readonly { readonly name: string; readonly label: string }[];
  /** Labels that others signed too, but fewer than the policy asks for: they count again when enough have signed. */
  readonly shortLabels: readonly { readonly name: string; readonly label: string }[];
  /**
   * Versions of which a key of the device holds a grant, whoever wrote them: it could read them, and what it read stays
   * read. By the vault's list, which it can shorten; what was deleted is not in it.
   */
  readonly readable: readonly WrittenVersion[];
  /** Names whose newest version is among those: the next one has a data key that the device never gets. */
  readonly readableNow: readonly string[];
}

/**
 * Looks at everything the device wrote, and at all that it could read. Which texts stay is not the vault's to say: it could slip in what a thief wrote
 * today. Only a label counts that a person signed who is not being revoked (protocol.md §2.5).
 * @throws {BullaError} not_found if the directory lists no such device
 */
export async function planRevocation(session: Session, prompts: Prompts, device: string): Promise<RevocationPlan> {
  const trust = await session.keeper.refresh();
  const user = trust.userOf(device);
  if (user === undefined)
    throw bullaError('not_found', { message: 'the directory lists no such device', origin: 'client', status: 404 });
  const kids = new Set(trust.entity(device)?.keys.map(({ kid }) => kid));
  const [vouched, unvouched]: [WrittenVersion[], WrittenVersion[]] = [[], []];
  const loneLabels: { name: string; label: string }[] = [];
  const shortLabels: { name: string; label: string }[] = [];
  const readable: WrittenVersion[] = [];
  const readableNow: string[] = [];
  for await (const prompt of prompts.list()) {
    const resolved = await labelsOf(session, trust, prompt);
    // guard: kept-others without: const isOthers = ({ signers }: ResolvedTag) => signers.length > 0;
    const isOthers = ({ signers }: ResolvedTag) => signers.some((urn) => trust.userOf(urn) !== user);
    const vouchedFor = new Set(resolved.filter(isOthers).map(({ chash }) => chash));
    loneLabels.push(...resolved.filter((tag) => !isOthers(tag)).map(({ name, label }) => ({ name, label })));
    shortLabels.push(
      ...resolved
        .filter((tag) => isOthers(tag) && othersOf(trust, tag, user) < trust.labelRule(tag.name, tag.label).threshold)
        .map(({ name, label }) => ({ name, label })),
    );
    const { versions } = await prompts.history(prompt.name);
    const granted = await grantsOf(session, trust, prompt);
    const open = new Set(granted.filter(({ kid }) => kids.has(kid)).map(({ version }) => version));
    for (const { version, chash } of versions)
      if (open.has(version)) readable.push({ name: prompt.name, version, chash });
    if (open.has(Math.max(...versions.map(({ version }) => version)))) readableNow.push(prompt.name);
    for (const { version, chash } of versions.filter((one) => isWrittenBy(one, kids) && !trust.isKept(one.chash))) {
      (vouchedFor.has(chash) ? vouched : unvouched).push({ name: prompt.name, version, chash });
    }
  }
  return { device, user, vouched, unvouched, loneLabels, shortLabels, readable, readableNow };
}

/** How many people signed a label beside one. */
function othersOf(trust: Trust, { signers }: ResolvedTag, user: string): number {
  const people = new Set(signers.map((urn) => trust.userOf(urn)));
  people.delete(user);
  return people.size;
}

function isWrittenBy({ author }: VersionSummary, kids: ReadonlySet<string>): boolean {
  return kids.has(author.kid);
}

/** Where the labels of a prompt point by tags that are good now; what no tag bears out says nothing. */
async function labelsOf(session: Session, trust: Trust, { id, name }: Prompt): Promise<ResolvedTag[]> {
  const service = vaultOf(session, trust);
  const { data } = await session.transport.call('label.list', service, trust, { params: { id } });
  const resolved: ResolvedTag[] = [];
  for (const position of data) {
    const tag = await resolve(trust, name, position, session.now());
    if (tag?.sub === urnOf(trust.org, 'prompt', id)) resolved.push(tag);
  }
  return resolved;
}

async function resolve(
  trust: Trust,
  name: string,
  { label, tags }: LabelPosition,
  now: number,
): Promise<ResolvedTag | undefined> {
  try {
    // guard: kept-verified without:
    //   const { parseTag } = await import('@bulla/crypto');
    //   const { sub, ver: version, chash, seq, prev, exp: expiresAt, iss } = parseTag(tags[0] ?? '').claims;
    //   const place = { sub, name, label, version, chash, seq, prev, pos: '' };
    //   return { ...place, expiresAt, freshUntil: Infinity, signers: [iss] };
    return await verifyTags(tags, { trust, name, label, now });
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/**
 * A version for somebody to read before they answer for it: what they read is what will be kept, byte for byte.
 * @throws {BullaError} validation_failed if another device wrote it
 */
export async function readForKeeping(
  prompts: Prompts,
  device: string,
  name: string,
  version: number,
): Promise<OpenedVersion> {
  const opened = await prompts.read(name, { version });
  // guard: kept-author without: return opened;
  if (opened.author === device) return opened;
  throw bullaError('validation_failed', {
    message: `${name} version ${version} was written by another device, which stays trusted`,
    origin: 'client',
  });
}

/** Revokes every key of the device of a plan, and keeps what others vouched for and what was read. */
export function publishRevocation(
  session: Session,
  signer: Signer,
  { device, vouched }: RevocationPlan,
  { reason, read }: { readonly reason: RevocationReason; readonly read: readonly OpenedVersion[] },
): Promise<Trust> {
  const kept = [...vouched, ...read].map(({ chash }) => chash);
  return publishNextDirectory(session, signer, revokeDevice(device, reason, kept), {
    why: `the device ${device} is revoked (${reason})`,
  });
}
