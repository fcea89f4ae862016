import type { ServiceKind } from '../trust/services.js';

/** What it would mean that the older keys of a service sign no more, and that nothing more is sealed to them. */
export interface RetirementPlan {
  /** Its URN. */
  readonly service: string;
  readonly kind: ServiceKind;
  readonly older: readonly OlderKey[];
  /**
   * Versions that an older key opens and the newest does not: nobody could run them any more. By the vault's list. Those of
   * managed names do not count: the vault seals them to the newest itself.
   */
  readonly lacking: readonly NamedVersion[];
  /**
   * Versions whose grant of the newest key the responder has not tried, or found unfit: nobody knows that it gives their key.
   * By the responder's own word. All of them where it could not be asked.
   */
  readonly untried: readonly NamedVersion[];
  /** Whether the responder said what it tried; true of other services. */
  readonly heard: boolean;
  /**
   * `kid` of those `newest` that the service says it does not hold: without its older keys it would be left with none.
   * Empty where it could not be asked.
   */
  readonly notHeld: readonly string[];
}

export interface NamedVersion {
  readonly name: string;
  readonly version: number;
}

/** A key of a service that has another one beside it, which stays. */
export interface OlderKey {
  readonly kid: string;
  /** `kid` of the newest that does the same, and stays. */
  readonly newest: string;
  readonly use: 'sig' | 'enc';
}
