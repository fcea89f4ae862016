import type { Statement, Trust } from '@bulla/crypto';
import { parseContent, parseGrant, tokenHash, urnOf, verifyStatement } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { bullaError, checked } from '../connection/errors.js';
import type { PromptRef } from '../labels/labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A version that this device could open and whose author it verified. */
export interface OpenedVersion {
  readonly version: number;
  readonly chash: string;
  readonly statement: Statement;
  /** URN of the device that wrote it. */
  readonly author: string;
}

/**
 * Fetches a version and opens it with this device's own grant.
 * @param wanted its number, and what a tag says its content is, where there is one.
 * @returns undefined if the version is not sealed to a key of this device.
 * @throws {VerifyError} envelope_tampered (content-hash) if the vault holds something else, or (content-seen) something else
 *   than this machine has seen under this number; open_failed, …
 */
export async function openVersion(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { version, chash: expected }: { readonly version: number; readonly chash?: string | undefined },
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
  if (grant === null) return undefined;
  return checked(async () => {
    const w = parseGrant(grant);
    const unwrapper = session.identity.unwrappers.get(w.header.kid);
    if (unwrapper === undefined) return undefined;
    const c = parseContent(content);
    const dekId = c.header.kid;
    const dek = await openGrant(w, unwrapper, { urn: session.identity.urn, sub, ver: version, chash, dekId });
    try {
      const ps = await openContent(c, dek, { org: trust.org, sub, ver: version });
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
