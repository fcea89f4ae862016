import type { Prompt } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** The prompt that bears a name now, or undefined. */
export async function findPrompt(session: Session, trust: Trust, name: string): Promise<Prompt | undefined> {
  try {
    const query = { name };
    const found = await session.transport.call('prompt.find', vaultOf(session, trust), trust, { query });
    // guard: client-prompt-name
    if (found.name !== name)
      throw bullaError('envelope_tampered', {
        message: 'the vault answered with another prompt',
        check: 'prompt-name',
        origin: 'client',
      });
    return found;
  } catch (error) {
    if (error instanceof BullaError && error.code === 'not_found' && error.origin !== 'client') return undefined;
    throw error;
  }
}
