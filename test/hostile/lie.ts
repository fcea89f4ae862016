import type { HostileVault } from './hostile-vault.js';

/** What is said of a lie. */
export interface Refusal {
  readonly code: string;
  readonly check?: string;
}

/** One thing that a vault's operator does, and what everybody says to it. */
export interface Lie {
  readonly name: string;
  readonly tell: (vault: HostileVault) => Promise<void> | void;
  /** Whom it is told to: somebody who has run this prompt before, unless it is somebody new. */
  readonly toNewcomer?: true;
  /** What the client says, in the SDK and on the command line. */
  readonly client: Refusal;
  /** What the responder says to somebody who sends on what the vault gave without looking at it. */
  readonly responder?: { readonly code: string; readonly sealed: boolean };
}

export const rolledBack = (check: string): Refusal => ({ code: 'trust_rollback', check });
