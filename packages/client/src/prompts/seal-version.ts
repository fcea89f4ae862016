import type { Custody, ParameterName, Recipient, Statement, Trust } from '@bulla/crypto';
import {
  encodeBase64url,
  organisationUrn,
  randomBytes,
  sealContent,
  sealDeposit,
  sealGrant,
  signStatement,
  urnOf,
} from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { PromptRef } from '../labels/labels.js';
import { custodyUnder } from './custody.js';
import type { Session } from '../connection/session.js';

/** What an author writes: the statement without what follows from where it is stored. */
export interface PromptDraft {
  readonly content: Statement['content'];
  /** Who may run and read it and where. Absent lists: the author's groups; who writes it or signs labels; every responder. */
  readonly acl?: Partial<Statement['acl']> | undefined;
  /** Whether askers may add messages of their own. */
  readonly acceptsMessages: boolean;
  /** What of the model askers may set in the author's place; nothing unless given. */
  readonly acceptsParameters?: readonly ParameterName[] | undefined;
  /** What the author says about this version; at most 1,000 characters. */
  readonly message?: string | undefined;
  /** YYYY-MM-DD: until when it must stay secret; the end of what `rsa2048` promises unless given. */
  readonly protectUntil?: string | undefined;
}

export interface SealedVersionDraft {
  readonly content: string;
  /** One for each recipient, in their order: the author's own first. */
  readonly grants: readonly string[];
  /** Under a managed name: the key for the vault. */
  readonly deposit: string | undefined;
  readonly custody: Custody;
  readonly chash: string;
  /** URNs. */
  readonly recipients: readonly string[];
}

/** Until when a version must stay secret whose author does not say. */
export const PROTECT_UNTIL = '2030-12-31';

/** Whether a stored version is what the draft would become. */
export function saysTheSame(
  { name, content, acl, input, protect_until, attachments }: Statement,
  draft: PromptDraft,
  trust: Trust,
  author: string,
): boolean {
  const next = {
    content: draft.content,
    acl: aclOf(draft, trust, author, name),
    input: inputOf(draft),
    protect_until: draft.protectUntil ?? PROTECT_UNTIL,
    attachments: [],
  };
  return JSON.stringify({ content, acl, input, protect_until, attachments }) === JSON.stringify(next);
}

/** What askers may send beside variables. */
export function inputOf({ acceptsMessages, acceptsParameters = [] }: PromptDraft): Statement['input'] {
  return {
    messages: acceptsMessages,
    ...(acceptsParameters.length > 0 && { parameters: [...acceptsParameters] }),
  };
}

/** The access rights of a draft, with what it leaves open filled in. */
export function aclOf(draft: PromptDraft, trust: Trust, author: string, name: string): Statement['acl'] {
  return {
    invoke: [...(draft.acl?.invoke ?? trust.groupsOf(author))],
    // Running is not reading.
    // guard: acl-read-default without: read: [...(draft.acl?.read ?? trust.groupsOf(author))]
    read: [...(draft.acl?.read ?? trust.reviewers(name))],
    responders: [...(draft.acl?.responders ?? trust.entitiesOf('responder'))],
  };
}

/**
 * Signs and seals one version, with a grant for the author's device, every active responder and reader of its
 * rights, and the recovery key where root has one. In whose custody the name is, the signed policy says, and nobody else:
 * under a managed one the vault is told the key as well.
 * @throws {BullaError} key_unknown if the author has no active encryption key, a responder is not in the directory, or the
 *   directory lists no key of the vault for a managed name
 */
export async function sealVersion(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  version: number,
  draft: PromptDraft,
): Promise<SealedVersionDraft> {
  const { identity, now } = session;
  const sub = urnOf(trust.org, 'prompt', prompt.id);
  const acl = aclOf(draft, trust, identity.urn, prompt.name);
  if (acl.responders.some((urn) => trust.entity(urn)?.kind !== 'responder')) {
    throw bullaError('key_unknown', {
      message: 'the rights name a responder that the directory does not list',
      origin: 'client',
    });
  }
  const custody = custodyUnder(prompt.name, trust);
  // guard: client-custody-vault without: const vault = custody === custody ? depositKey(session, trust) : undefined;
  const vault = custody === 'managed' ? depositKey(session, trust) : undefined;
  const statement: Statement = {
    iss: identity.urn,
    aud: organisationUrn(trust.org),
    sub,
    name: prompt.name,
    ver: version,
    iat: now(),
    jti: encodeBase64url(randomBytes(16)),
    purpose: 'prompt.content',
    custody,
    n: encodeBase64url(randomBytes(16)),
    protect_until: draft.protectUntil ?? PROTECT_UNTIL,
    acl,
    input: inputOf(draft),
    content: draft.content,
    attachments: [],
    message: draft.message ?? '',
  };
  return checked(async () => {
    const sealed = await sealContent(await signStatement(statement, identity.signer), {
      org: trust.org,
      sub,
      ver: version,
    });
    try {
      const recipients = recipientsOf(session, trust, acl);
      const grants: string[] = [];
      for (const recipient of recipients) grants.push(await sealGrant(sealed.dek, sealed, recipient));
      const deposit = vault === undefined ? undefined : await sealDeposit(sealed.dek, sealed, vault);
      const { content, chash } = sealed;
      return { content, grants, deposit, custody, chash, recipients: recipients.map(({ urn }) => urn) };
    } finally {
      sealed.dek.wipe();
    }
  });
}

/** The key of the vault that is told the keys of managed names, by the signed directory. */
function depositKey({ now }: Session, trust: Trust): Recipient {
  const [key] = trust.entitiesOf('vault').flatMap((urn) => trust.activeKeys(urn, 'deposit', now()));
  if (key !== undefined) return key;
  throw bullaError('key_unknown', {
    message: 'the policy says that the vault manages this name, and the directory lists no key of it for that',
    check: 'deposit-key',
    origin: 'client',
  });
}

/** Oneself first, then responders and readers; keys come from the signed directory and from nowhere else. */
export function recipientsOf(session: Session, trust: Trust, acl: Statement['acl']): Recipient[] {
  const now = session.now();
  const activeOf = (urn: string): Recipient[] => trust.activeKeys(urn, 'unwrap', now).slice(0, 1);
  const own = activeOf(session.identity.urn);
  if (own.length === 0)
    throw bullaError('key_unknown', {
      message: 'this device has no active encryption key in the directory',
      origin: 'client',
    });
  // One that a version named and the directory lists no more gets nothing.
  const responders = acl.responders.filter((urn) => trust.entity(urn)?.kind === 'responder');
  const readers = trust
    .entitiesOf('device')
    .filter((urn) => trust.groupsOf(urn).some((group) => acl.read.includes(group)));
  const recovery = trust.recoveryRecipient();
  const all = [...own, ...[...responders, ...readers].flatMap(activeOf), ...(recovery === undefined ? [] : [recovery])];
  // The vault takes one grant for each key.
  return [...new Map(all.map((recipient) => [recipient.record.kid, recipient])).values()];
}
