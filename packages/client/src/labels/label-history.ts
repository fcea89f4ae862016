import type { LabelPosition } from '@bulla/contract';
import type { TagSet, Trust } from '@bulla/crypto';
import { readTags, urnOf } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import { headOf } from './label-memory.js';
import type { LabelBase, LabelTarget } from './label-moves.js';
import type { PromptRef } from './labels.js';
import { notBorne } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const PAGE = 50;

/**
 * Where a label pointed before it came to where it is: its newest position that names another version. The vault keeps
 * the positions and people have signed them, each with the one before it; it can hold some back, and cannot make one up
 * (docs/decisions/2026-11-25-approvals.md).
 * @param base where it is now, as this client remembers it.
 * @throws {BullaError} label_not_found if it never pointed elsewhere, or points nowhere now; label_stale where a position
 *   in between is missing or was signed by too few, and what else it is refused for: which version came before is then
 *   nobody's word
 */
export async function previousTarget(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  base: LabelBase,
): Promise<LabelTarget> {
  const head = headOf(await session.labels.seen(prompt.name), label);
  const sub = urnOf(trust.org, 'prompt', prompt.id);
  if (head === undefined || head.pos !== base.pos || head.ver === 0 || head.sub !== sub) throw notBorne(prompt, label);
  let { prev } = head;
  for await (const position of positionsOf(session, trust, prompt, label)) {
    if (position.seq >= head.seq) continue;
    if (prev === '') break;
    const before = await verifiedPosition(session, trust, prompt, label, position);
    // guard: client-history-gap
    if (before.pos !== prev) throw unproven(label, 'the vault left a position out');
    // One person's signature is a wish, not a place where the label ever was.
    // guard: client-history-threshold
    if (before.given < before.needed)
      throw unproven(label, `${before.given} of ${before.needed} people signed a position`);
    ({ prev } = before);
    // An earlier prompt of this name is not what one goes back to.
    if (before.sub !== sub) break;
    if (before.version > 0 && before.version !== head.ver) return before;
  }
  throw bullaError('label_not_found', {
    message: `${label} of ${prompt.name} never pointed to another version than ${head.ver}`,
    origin: 'client',
    status: 404,
  });
}

async function* positionsOf(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
): AsyncGenerator<LabelPosition> {
  let cursor: string | undefined;
  do {
    const call = { params: { id: prompt.id, label }, query: { limit: PAGE, cursor } };
    const page = await session.transport.call('label.history', vaultOf(session, trust), trust, call);
    yield* page.data;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** What the tags of a former position say. They may have expired, and be fewer than the policy asks for. */
async function verifiedPosition(
  session: Session,
  trust: Trust,
  { name }: PromptRef,
  label: string,
  { tags }: LabelPosition,
): Promise<TagSet> {
  const expected = { name, label, now: session.now(), acceptExpired: true };
  return session.keeper.withKnownKeys(trust, (known) => checked(() => readTags(tags, { trust: known, ...expected })));
}

function unproven(label: string, why: string) {
  return bullaError('label_stale', {
    message: `${why}: where ${label} pointed before is not proven`,
    check: 'label-history',
    origin: 'client',
  });
}
