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

  /**
   * The documents that a request brings, where those at hand have signed that they follow; undefined where it brings none.
   * Strangers send them: what costs little comes first.
   * @param body after its schema.
   */
  carriedBy(_org: string, _body: unknown): Promise<Trust | undefined> {
    return Promise.resolve(undefined);
  }

  /** Looks for newer documents; for unknown keyids at most once a second for each organisation. */
  abstract refresh(org: string): Promise<void>;
}
