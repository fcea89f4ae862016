import type { Statement, Trust } from '@bulla/crypto';
import { parseContent, parseGrant, requireCommitment, tokenHash, urnOf, verifyStatement } from '@bulla/crypto';
import { openContent, openEarlierContent, openEarlierGrant, openGrant, UnfitGrant } from '@bulla/crypto/open';
import type { BullaError } from '../connection/errors.js';
import { bullaError, checked } from '../connection/errors.js';
import type { PromptRef } from '../labels/labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { takeBack } from './unfit-grants.js';

/** A version that this device could open and whose author it verified. */
export interface OpenedVersion {
  readonly version: number;
  readonly chash: string;
  readonly statement: Statement;
  /** URN of the device that wrote it. */
  readonly author: string;
}

/** Which version is to be opened. */
export interface WantedVersion {
  readonly version: number;
  /** What a tag says its content is, where there is one. */
  readonly chash?: string | undefined;
  /** Opens one that was sealed before contents committed to their key, too. */
  readonly earlier?: boolean | undefined;
}

/** Keys that a device may hold grants of one version with. */
const TRIES_MAX = 4;

/** A grant of this device that does not give the key of the content, and whether the vault let go of it. */
class UnfitOwn extends Error {
  readonly isTakenBack: boolean;

  constructor(isTakenBack: boolean) {
    super('unfit');
    this.isTakenBack = isTakenBack;
  }
}

function unfitOf(error: UnfitOwn | undefined, { name }: PromptRef, { version }: WantedVersion): BullaError {
  const done = error?.isTakenBack === true ? 'it was taken back' : 'the vault did not let go of it';
  const message = `the grant of this device for ${name} version ${version} does not give its key: ${done}`;
  return bullaError('grant_unfit', { message, status: 409, origin: 'client' });
}

/**
 * Fetches a version and opens it with this device's own grant.
 * @param wanted its number, and what a tag says its content is, where there is one; `earlier` for one that was sealed before
 *   contents committed to their key, too: to be read and pushed again, and for nothing else (protocol.md A16).
 * @returns undefined if the version is not sealed to a key of this device.
 * @throws {VerifyError} envelope_tampered (content-hash) if the vault holds something else, or (content-seen) something else
 *   than this machine has seen under this number; content_uncommitted; grant_unfit where the grant of this device does not
 *   give the key of the content, which is taken back then; open_failed, …
 */
export async function openVersion(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  wanted: WantedVersion,
): Promise<OpenedVersion | undefined> {
  let unfit: UnfitOwn | undefined;
  for (let tries = 1; tries <= TRIES_MAX; tries++)
    try {
      const opened = await openStored(session, trust, prompt, wanted);
      if (opened !== undefined || unfit === undefined) return opened;
      break;
    } catch (error) {
      if (!(error instanceof UnfitOwn)) throw error;
      unfit = error;
      if (!error.isTakenBack) break;
      // What an older key of this device opens comes to light once the unfit one is gone.
    }
  throw unfitOf(unfit, prompt, wanted);
}

async function openStored(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { version, chash: expected, earlier = false }: WantedVersion,
): Promise<OpenedVersion | undefined> {
  const call = { params: { id: prompt.id, n: version } };
  const { content, grant } = await session.transport.call('version.get', vaultOf(session, trust), trust, call);
  const chash = await tokenHash(content);
  // guard: client-read-content
  if (expected !== undefined && chash !== expected) {
    const message = 'the vault holds another content than the one that a label was signed for';
    throw bullaError('envelope_tampered', { message, check: 'content-hash', origin: 'client' });
  }
  const sub = urnOf(trust.org, 'prompt', prompt.id);
  return checked(async () => {
    const c = parseContent(content);
    const { kid: dekId } = c.header;
    const isEarlier = earlier && c.header.dkc === undefined;
    // guard: client-committed without: const dkc = c.header.dkc ?? '';
    const dkc = isEarlier ? '' : requireCommitment(c.header);
    if (grant === null) return undefined;
    const w = parseGrant(grant);
    const unwrapper = session.identity.unwrappers.get(w.header.kid);
    if (unwrapper === undefined) return undefined;
    const place = { urn: session.identity.urn, sub, ver: version, chash, dekId };
    const dek = isEarlier
      ? await openEarlierGrant(w, unwrapper, place)
      : await openGrant(w, unwrapper, { ...place, dkc }).catch(async (error: unknown) => {
          if (!(error instanceof UnfitGrant)) throw error;
          throw new UnfitOwn(await takeBack(session, trust, prompt.id, grant));
        });
    try {
      const open = isEarlier ? openEarlierContent : openContent;
      const ps = await open(c, dek, { org: trust.org, sub, ver: version });
      const expect = { sub, name: prompt.name, ver: version };
      const { claims, author } = await session.keeper.withKnownKeys(trust, (known) =>
        checked(() => verifyStatement(ps, { trust: known, now: session.now(), chash, expect })),
      );
      await session.labels.rememberOpened(prompt.name, { sub, version, chash });
      return { version, chash, statement: claims, author: author.urn };
    } finally {
      dek.wipe();
    }
  });
}
