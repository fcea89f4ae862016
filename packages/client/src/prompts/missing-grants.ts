import type { Recipient, Trust } from '@bulla/crypto';
import { parseContent, parseGrant, requireCommitment, sealGrant, tokenHash, urnOf } from '@bulla/crypto';
import { openGrant } from '@bulla/crypto/open';
import { bullaError, checked } from '../connection/errors.js';
import type { PromptRef } from '../labels/labels.js';
import type { OpenedVersion } from './open-version.js';
import { grantsOf } from './grants-of.js';
import { recipientsOf } from './seal-version.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { unfitGrants } from './unfit-grants.js';

/** URNs of those who got a grant, and of those whom this person can give none. */
export interface GivenGrants {
  readonly recipients: readonly string[];
  readonly barred: readonly string[];
}

/** Longest list of grants in one request. */
const GRANTS_MAX = 64;

/**
 * Seals a version to those of its rights whose keys came after it: a responder with new keys, a reader who joined. The
 * content stays as it is; its key is opened with this device's own grant and wrapped for keys of the signed directory,
 * once more by the newest one where the vault finds a key that is revoked or unknown.
 * @returns URNs of those who got one, and of those whom this person can give none.
 */
export function grantMissing(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  opened: OpenedVersion,
): Promise<GivenGrants> {
  return session.keeper.withKnownKeys(trust, (known) => grantUnder(session, known, prompt, opened));
}

/** Those who may have a version by its rights, and whose key of now holds no grant of it. By the vault's list of grants. */
export async function missingRecipients(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { version, statement }: OpenedVersion,
): Promise<Recipient[]> {
  const held = new Set((await grantsOf(session, trust, { id: prompt.id, version })).map(({ kid }) => kid));
  return recipientsOf(session, trust, statement.acl).filter(({ record }) => !held.has(record.kid));
}

/** Those whom this person posted an unfit grant of a version, and can give none until an admin says so. */
async function barredOf(
  session: Session,
  trust: Trust,
  { id }: PromptRef,
  { version }: OpenedVersion,
): Promise<ReadonlySet<string>> {
  const user = trust.userOf(session.identity.urn);
  const unfit = await unfitGrants(session, trust);
  return new Set(
    unfit.filter((one) => one.prompt === id && one.version === version && one.by === user).map(({ kid }) => kid),
  );
}

async function grantUnder(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  opened: OpenedVersion,
): Promise<GivenGrants> {
  const { version, chash, statement } = opened;
  const service = vaultOf(session, trust);
  const lacking = await missingRecipients(session, trust, prompt, opened);
  const kids = lacking.length === 0 ? new Set<string>() : await barredOf(session, trust, prompt, opened);
  const [barred, missing] = [true, false].map((is) => lacking.filter(({ record }) => kids.has(record.kid) === is)) as [
    Recipient[],
    Recipient[],
  ];
  const given = { recipients: missing.map(({ urn }) => urn), barred: barred.map(({ urn }) => urn) };
  if (missing.length === 0) return given;
  const stored = await session.transport.call('version.get', service, trust, { params: { id: prompt.id, n: version } });
  const { grant: token, content } = stored;
  const grant = token === null ? undefined : await checked(() => parseGrant(token));
  const unwrapper = session.identity.unwrappers.get(grant?.header.kid ?? '');
  if (
    grant === undefined ||
    unwrapper === undefined ||
    (await tokenHash(content)) !== chash // guard: client-grant-content
  ) {
    const message = 'the vault holds another content than it showed before';
    throw bullaError('envelope_tampered', { message, check: 'content-hash', origin: 'client' });
  }
  const grants = await checked(async () => {
    const sub = urnOf(trust.org, 'prompt', prompt.id);
    const { header } = parseContent(content);
    const place = { sub, ver: version, chash, dekId: header.kid, dkc: requireCommitment(header) };
    const dek = await openGrant(grant, unwrapper, { urn: session.identity.urn, ...place });
    try {
      const made: string[] = [];
      for (const one of missing)
        made.push(await sealGrant(dek, { ...place, protectUntil: statement.protect_until }, one));
      return made;
    } finally {
      dek.wipe();
    }
  });
  for (let from = 0; from < grants.length; from += GRANTS_MAX) {
    const body = { grants: grants.slice(from, from + GRANTS_MAX) };
    await session.transport.call('grant.add', service, trust, { params: { id: prompt.id }, body });
  }
  return given;
}
