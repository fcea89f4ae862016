import type { MovedGrants, OwnGrant, OwnGrantPage, RouteQuery } from '@bulla/contract';
import { targetOf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import { VaultRequests } from '../vault/vault-requests.js';

/** Grants of this responder as its vault keeps them. */
@Injectable()
export class VaultGrants {
  constructor(private readonly vault: VaultRequests) {}

  /** One page of what a key opens. @throws {VaultRefused} */
  async collect(trust: Trust, query: RouteQuery<'grant.collect'>): Promise<OwnGrantPage> {
    return this.vault.ask('grant.collect', trust, { path: targetOf('grant.collect', undefined, query) });
  }

  /** Posts grants for a further key. @throws {VaultRefused} */
  async move(trust: Trust, grants: readonly string[]): Promise<MovedGrants> {
    return this.vault.ask('grant.move', trust, { path: targetOf('grant.move', undefined), body: { grants } });
  }

  /** Takes back a grant that is unfit, and says so, so that another can take its place. @throws {VaultRefused} */
  async takeBack(trust: Trust, { prompt, whash }: Pick<OwnGrant, 'prompt' | 'whash'>): Promise<void> {
    const path = targetOf('grant.delete', { id: prompt, whash }, { because: 'unfit' });
    await this.vault.ask('grant.delete', trust, { path });
  }
}
