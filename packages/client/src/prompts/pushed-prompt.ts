import type { Custody } from '@bulla/crypto';
import type { LabelOutcome } from '../labels/label-moves.js';
import type { PromptRef } from '../labels/labels.js';

/** What a push came to. */
export interface PushedPrompt extends PromptRef {
  readonly version: number;
  readonly chash: string;
  /** `managed`: the vault can read it, too. */
  readonly custody: Custody;
  /** False if the newest version says the same already: then only labels moved. */
  readonly changed: boolean;
  /** URNs that the version was sealed for; of an unchanged one, those that it was not sealed for before. */
  readonly recipients: readonly string[];
  /** That point to the version now, beside `latest`. */
  readonly labels: readonly string[];
  /** That several people must move, and not enough have signed. */
  readonly pending: readonly (LabelOutcome & { readonly label: string })[];
}
