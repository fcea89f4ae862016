import type { Trust } from '@bulla/crypto';

/**
 * Where a service gets the verified documents of organisations from: the vault from its own tables, the responder
 * from a vault. Each service provides one in its module.
 */
export abstract class TrustSource {
  /**
   * The newest documents this service trusts, expired ones too (updating them must be possible; the guard asks for
   * freshness everywhere else), with the words of renewers for its directory. Undefined for an organisation it does not serve.
   */
  abstract trustOf(org: string): Promise<Trust | undefined>;

  /** What is trusted by now, of each organisation that was asked for: how long it counts is watched. */
  abstract held(): readonly Trust[];

  /** Looks for newer documents; for unknown keyids at most once a second for each organisation. */
  abstract refresh(org: string): Promise<void>;
}
