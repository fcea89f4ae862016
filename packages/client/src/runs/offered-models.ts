import type { ModelList } from '@bulla/contract';
import type { Session } from '../connection/session.js';
import { chosenResponder } from '../connection/session.js';

/** The names that prompts may say at a responder, by its own word. */
export interface OfferedModels extends ModelList {
  /** URN of the responder. */
  readonly responder: string;
}

/**
 * Asks a responder which models prompts may name there.
 * @param wanted URN of the responder; the first there is unless given.
 * @throws {BullaError} validation_failed if the directory lists no such responder; what the responder refused
 */
export async function offeredModels(session: Session, wanted: string | undefined): Promise<OfferedModels> {
  const trust = await session.keeper.current();
  const responder = chosenResponder(session, trust, wanted);
  return { responder: responder.urn, ...(await session.transport.call('model.list', responder, trust, {})) };
}
