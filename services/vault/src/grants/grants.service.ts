import { Problem } from '@bulla/contract';
import type { KeyHolder, Trust } from '@bulla/crypto';
import { parseGrant, tokenHash, urnOf } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import type { GrantRow } from './grants.repository.js';
import { GrantsRepository } from './grants.repository.js';

/** The content that grants must be for. */
export interface GrantedVersion {
  readonly promptId: string;
  readonly version: number;
  readonly chash: string;
  readonly dekId: string;
}

/** A grant that may be stored. */
export interface CheckedGrant {
  readonly token: string;
  readonly whash: string;
  readonly kid: string;
  readonly aud: string;
}

/** Keeps the keys of contents, each wrapped to one recipient. The vault cannot try them; it checks what it can see. */
@Injectable()
export class GrantsService {
  constructor(
    private readonly grants: GrantsRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Checks that grants are for this content, and for keys of the directory that are encrypted to now.
   * @throws {Problem} envelope_tampered, key_unknown, key_revoked, validation_failed for the same key twice
   */
  async check(trust: Trust, of: GrantedVersion, tokens: readonly string[]): Promise<CheckedGrant[]> {
    const sub = urnOf(trust.org, 'prompt', of.promptId);
    const checked = await Promise.all(
      tokens.map(async (token) => {
        const { header } = parseGrant(token);
        if (header.sub !== sub || header.ver !== of.version || header.chash !== of.chash || header.dek !== of.dekId) {
          throw new Problem('envelope_tampered', { detail: 'a grant is for another content' });
        }
        this.requireRecipient(trust, header.kid, header.aud);
        return { token, whash: await tokenHash(token), kid: header.kid, aud: header.aud };
      }),
    );
    if (new Set(checked.map(({ kid }) => kid)).size !== checked.length) {
      throw new Problem('validation_failed', { detail: 'two grants are for the same key' });
    }
    return checked;
  }

  /** Stores checked grants. Returns how many were new: a stored one for the same key stays. */
  async store(trx: VaultTransaction, caller: Caller, of: GrantedVersion, grants: readonly CheckedGrant[]): Promise<number> {
    return this.grants.insert(
      trx,
      grants.map(({ token, whash, kid, aud }) => ({
        whash,
        org: caller.org,
        prompt_id: of.promptId,
        version: of.version,
        kid,
        aud,
        token,
        poster_kid: caller.kid,
      })),
    );
  }

  /** The grant of a version for one of these keys; the order of the keys is the order of preference. */
  async findFor(org: string, promptId: string, version: number, kids: readonly string[]): Promise<GrantRow | undefined> {
    const rows = await this.grants.listFor(org, promptId, version, kids);
    return kids.flatMap((kid) => rows.find((row) => row.kid === kid) ?? [])[0];
  }

  /** The caller's own grant of a version, whatever the age of the key it is for. */
  findOwn(caller: Caller, promptId: string, version: number): Promise<GrantRow | undefined> {
    const kids = caller.trust.entity(caller.urn)?.keys.toSorted((left, right) => right.nbf - left.nbf).map(({ kid }) => kid);
    return this.findFor(caller.org, promptId, version, kids ?? []);
  }

  findByHash(org: string, promptId: string, whash: string): Promise<GrantRow | undefined> {
    return this.grants.findByHash(org, promptId, whash);
  }

  list(org: string, promptId: string, version: number | undefined, after: { version: number; kid: string } | undefined, limit: number): Promise<GrantRow[]> {
    return this.grants.list(org, promptId, version, after, limit);
  }

  listOfKey(org: string, kid: string, after: { promptId: string; version: number } | undefined, limit: number): Promise<GrantRow[]> {
    return this.grants.listOfKey(org, kid, after, limit);
  }

  delete(trx: VaultTransaction, org: string, promptId: string, whash: string): Promise<void> {
    return this.grants.delete(trx, org, promptId, whash);
  }

  /** The recovery key stands in root, every other recipient in the directory under the name the grant gives. */
  private requireRecipient(trust: Trust, kid: string, aud: string): void {
    const recovery = trust.recoveryRecipient();
    if (recovery !== undefined && recovery.record.kid === kid && recovery.urn === aud) return;
    const holder: KeyHolder = trust.requireKey(kid, { usage: 'encrypt', purpose: 'unwrap', now: this.clock.now(), check: 'grant-recipient' });
    if (holder.urn !== aud) throw new Problem('envelope_tampered', { detail: 'a grant names another holder of its key' });
  }
}
