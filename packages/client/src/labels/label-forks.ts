import type { BullaError } from '../connection/errors.js';
import { bullaError } from '../connection/errors.js';
import type { LabelFork, RememberedLabel } from './label-heads.js';
import type { ShownPosition } from './label-memory.js';

/**
 * Two positions of which neither comes after the other.
 * @param at seconds
 */
export function forkOf(remembered: RememberedLabel, { name, label, tags }: ShownPosition, at: number): LabelFork {
  return { name, label, at, remembered: 'pos' in remembered ? remembered.tags : [], shown: tags };
}

/** A position that does not come after what this machine has accepted. */
export function forked(remembered: RememberedLabel, { name, label, seq }: ShownPosition, check: string): BullaError {
  const message =
    `the vault shows position ${seq} of ${name}@${label}, which does not come after position ${remembered.seq} that ` +
    `this machine has accepted: it was not followed, and the signed tags of both are kept. If the vault was restored ` +
    `from a backup: bulla trust hand-back. If people agree on the one that it shows: bulla prompt adopt ${name}@${label}`;
  return bullaError('trust_rollback', { message, check, origin: 'client', details: { kind: 'adopt', name, label } });
}

/** A position of another prompt, where this machine knows no move that led to it. */
export function remade({ name, label, seq }: ShownPosition): BullaError {
  const message =
    `position ${seq} of ${name}@${label} is of another prompt than the name stood for: it was not followed. ` +
    `If the prompt was deleted and made again: bulla prompt adopt ${name}@${label}`;
  return bullaError('trust_rollback', {
    message,
    check: 'tag-prompt',
    origin: 'client',
    details: { kind: 'adopt', name, label },
  });
}
