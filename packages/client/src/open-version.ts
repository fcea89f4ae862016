import type { PromptId, SealedVersion } from '@bulla/contract';
import type { Statement, Trust } from '@bulla/crypto';
import { parseContent, parseGrant, tokenHash, urnOf, verifyStatement } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { bullaError, checked } from './errors.js';
import type { PromptRef } from './labels.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';

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
 * @param chash what a tag says the content is, where there is one.
 * @returns undefined if the version is not sealed to this device.
 * @throws {VerifyError} envelope_tampered (content-hash) if the vault holds something else; open_failed, …
 */
export async function openVersion(session: Session, trust: Trust, prompt: PromptRef, version: number, chash?: string): Promise<OpenedVersion | undefined> {
  const call = { params: { id: prompt.id as PromptId, n: version } };
  const sealed = await session.transport.call('version.get', vaultOf(session, trust), trust, call);
  await checkContentHash(sealed, chash);
  if (sealed.grant === null) return undefined;
  return checked(async () => {
    const { header } = parseGrant(sealed.grant ?? '');
    const unwrapper = session.identity.unwrappers.get(header.kid);
    if (unwrapper === undefined) return undefined;
    const sub = urnOf(trust.org, 'prompt', prompt.id);
    const dekId = parseContent(sealed.content).header.kid;
    const actual = await tokenHash(sealed.content);
    const dek = await openGrant(sealed.grant ?? '', unwrapper, { urn: session.identity.urn, sub, ver: version, chash: actual, dekId });
    try {
      const ps = await openContent(sealed.content, dek, { org: trust.org, sub, ver: version });
      const expect = { sub, name: prompt.name, ver: version };
      const { claims, author } = await verifyStatement(ps, { trust, now: session.now(), chash: actual, expect });
      return { version, chash: actual, statement: claims, author: author.urn };
    } finally {
      dek.wipe();
    }
  });
}

async function checkContentHash(sealed: SealedVersion, chash: string | undefined): Promise<void> {
  const actual = await tokenHash(sealed.content);
  if (chash === undefined || actual === chash) return;
  throw bullaError('envelope_tampered', {
    message: 'the vault holds another content than the one the label was signed for',
    check: 'content-hash',
    origin: 'client',
  });
}
