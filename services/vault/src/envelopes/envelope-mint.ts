import type { EnvelopeClaims, Signer } from '@bulla/crypto';
import { mintId } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';

/** What envelopes of every kind say. */
export type EnvelopeFacts = Omit<EnvelopeClaims, 'purpose' | 'prm' | 'whash' | 'pol'>;

/** What every envelope says of who asked, where and when, and the key that signs it. */
@Injectable()
export class EnvelopeMint {
  /** How long an envelope for one run may be used (protocol.md §2.2: 120 s, at most 300). */
  readonly lifeSeconds = 120;

  constructor(
    private readonly clock: Clock,
    private readonly keys: ServiceKeys,
  ) {}

  factsFor(caller: Caller, aud: string, lifeSeconds: number): EnvelopeFacts {
    const iat = this.clock.now();
    return {
      iss: this.keys.urnIn(caller.org),
      aud,
      sub: caller.urn,
      iat,
      nbf: iat,
      exp: iat + lifeSeconds,
      jti: mintId('env'),
      req: caller.request.idempotencyKey ?? '',
      cnf: { jkt: caller.kid },
      dir: caller.trust.directoryRef,
    };
  }

  /** @param at when it signs, in seconds. */
  signer({ trust }: Caller, at: number): Signer {
    return this.keys.signer('envelope', trust, at);
  }
}
