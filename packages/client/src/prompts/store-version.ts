import type { Prompt } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { PromptRef } from '../labels/labels.js';
import type { PromptDraft } from './seal-version.js';
import { sealVersion } from './seal-version.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A prompt, and how many versions it has. */
export type NumberedPrompt = PromptRef & Pick<Prompt, 'type' | 'latest_version'>;

/** Longest list of grants in one request. */
const GRANTS_MAX = 64;

/**
 * Seals a draft and stores it as the next version; once more by the newest directory where the vault finds a key in it
 * that is revoked or unknown. A name is taken only when there is something to store under it.
 */
export async function storeVersion(
  session: Session,
  trust: Trust,
  prompt: NumberedPrompt,
  draft: PromptDraft,
  isNew: boolean,
): Promise<{ version: number; chash: string; recipients: readonly string[] }> {
  const version = prompt.latest_version + 1;
  const service = vaultOf(session, trust);
  const { id, name, type } = prompt;
  const params = { id };
  let isThere = !isNew;
  const { sealed, stored } = await session.keeper.withKnownKeys(trust, async (known) => {
    const made = await sealVersion(session, known, prompt, version, draft);
    if (!isThere) await session.transport.call('prompt.create', service, known, { body: { id, name, type } });
    isThere = true;
    const body = { content: made.content, grants: made.grants.slice(0, GRANTS_MAX) };
    const call = { params, body, ifMatch: prompt.latest_version };
    return { sealed: made, stored: await session.transport.call('version.create', service, known, call) };
  });
  // guard: client-stored
  if (stored.version !== version || stored.chash !== sealed.chash) {
    throw bullaError('envelope_tampered', {
      message: 'the vault stored something else than was sent',
      check: 'content-hash',
      origin: 'client',
    });
  }
  for (let from = GRANTS_MAX; from < sealed.grants.length; from += GRANTS_MAX) {
    const more = { grants: sealed.grants.slice(from, from + GRANTS_MAX) };
    await session.transport.call('grant.add', service, trust, { params, body: more });
  }
  return { version, chash: sealed.chash, recipients: sealed.recipients };
}
