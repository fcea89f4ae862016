import type { Statement, Trust } from '@bulla/crypto';
import { encodeBase64url, randomBytes } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import { isLoopback } from '../connection/loopback.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { custodyUnder } from './custody.js';
import { openVersion } from './open-version.js';
import type { PromptDraft } from './seal-version.js';
import { aclOf, inputOf, PROTECT_UNTIL, recipientsOf } from './seal-version.js';
import type { LabelBases, NumberedPrompt, StoredVersion } from './store-version.js';
import { basesOf, moveEach } from './store-version.js';

/**
 * Refuses to send a text as it is, but to a vault that the signed policy lets read it, and where nobody on the way reads it.
 * @throws {BullaError} custody_not_allowed, forbidden
 */
export function requireClearAllowed({ vaultUrl }: Session, trust: Trust, name: string): void {
  // guard: client-clear-custody
  if (custodyUnder(name, trust) !== 'managed')
    throw bullaError('custody_not_allowed', {
      message: `the policy keeps ${name} sealed: nothing was sent, and its text leaves this machine sealed or not at all`,
      check: 'clear-custody',
      origin: 'client',
    });
  // guard: client-clear-connection
  if (vaultUrl.protocol !== 'https:' && !isLoopback(vaultUrl.hostname))
    throw bullaError('forbidden', {
      message: `${vaultUrl.origin} is neither reached by TLS nor this machine: nothing was sent, since the text could be read on its way`,
      check: 'clear-connection',
      origin: 'client',
    });
}

/**
 * Has the vault sign and seal a draft as the next version, opens what it made, and points labels to it.
 * @param bases undefined where the prompt is made with it
 * @throws {BullaError} envelope_tampered (clear-statement) if the vault signed another text than was sent
 */
export async function storeClearVersion(
  session: Session,
  trust: Trust,
  prompt: NumberedPrompt,
  draft: PromptDraft,
  { bases, labels }: { readonly bases: LabelBases | undefined; readonly labels: readonly string[] },
): Promise<StoredVersion> {
  const { id, name, type } = prompt;
  const sent = {
    acl: aclOf(draft, trust, session.identity.urn, name),
    input: inputOf(draft),
    content: draft.content,
    protect_until: draft.protectUntil ?? PROTECT_UNTIL,
    message: draft.message ?? '',
  };
  const stored = await session.transport.call('version.entrust', vaultOf(session, trust), trust, {
    params: { id },
    ifMatch: prompt.latest_version,
    body: {
      statement: sent,
      salt: encodeBase64url(randomBytes(16)),
      ...(bases === undefined && { prompt: { name, type } }),
    },
  });
  const version = prompt.latest_version + 1;
  const opened = await openVersion(session, trust, prompt, { version, chash: stored.chash });
  // guard: client-clear-stored
  if (opened === undefined || !isOf(opened.statement, sent))
    throw bullaError('envelope_tampered', {
      message: 'the vault signed another text than was sent, or sealed it to others alone: no label was moved to it',
      check: 'clear-statement',
      origin: 'client',
    });
  const { chash, statement } = opened;
  const from = bases ?? (await basesOf(session, trust, prompt, labels));
  return {
    version,
    chash,
    custody: statement.custody,
    recipients: recipientsOf(session, trust, sent.acl).map(({ urn }) => urn),
    labels: await moveEach(session, trust, prompt, { version, chash }, from),
  };
}

/** Whether a statement says what was sent, and nothing more. */
function isOf(
  { acl, input, content, protect_until, message, attachments }: Statement,
  sent: Pick<Statement, 'acl' | 'input' | 'content' | 'protect_until' | 'message'>,
): boolean {
  return attachments.length === 0 && sorted({ acl, input, content, protect_until, message }) === sorted(sent);
}

/** JSON in which the order of members, which means nothing, is always the same. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
