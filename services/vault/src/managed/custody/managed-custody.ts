import { Problem } from '@bulla/contract';
import type { CustodyTrust, Secret, Statement, Trust } from '@bulla/crypto';
import {
  CryptoError,
  custodyOf,
  parseContent,
  parseDeposit,
  Secret as SecretBytes,
  urnOf,
  verifyStatement,
} from '@bulla/crypto';
import type { WrapContext } from '@bulla/crypto/open';
import { openContent, openDeposit } from '@bulla/crypto/open';
import type { Caller } from '@bulla/service-kit';
import { Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { WrappedDataKey } from './data-keys.js';
import { DataKeys } from './data-keys.js';
import { DepositKeys } from './deposit-keys.js';

/** A content under a managed name, and all that it must be. */
export interface ManagedContent {
  readonly name: string;
  readonly promptId: string;
  readonly version: number;
  readonly chash: string;
  readonly dekId: string;
  /** What the content says of its key. */
  readonly dkc: string;
  /** C. */
  readonly content: string;
}

/**
 * What the vault may read: contents of names that the signed policy says it manages, and nothing else (protocol.md §2.3).
 * A key is wrapped only after the content was opened with it and the statement inside was verified, so that statement and
 * policy both say `managed`.
 */
@Injectable()
export class ManagedCustody {
  constructor(
    private readonly clock: Clock,
    private readonly keys: ServiceKeys,
    private readonly deposits: DepositKeys,
    private readonly dataKeys: DataKeys,
  ) {}

  /**
   * The key of a pushed content, wrapped under a key of the organisation.
   * @param deposit as it came with the push
   * @param isSecure whether nobody on the way could read the request
   * @returns undefined under a sealed name
   * @throws {Problem} forbidden, custody_not_allowed where custody and deposit do not fit; envelope_tampered for another content;
   *   open_failed, whatever went wrong after a key was used; {CryptoError} token_malformed, key_unknown
   */
  async wrapDeposit(
    caller: Caller,
    of: ManagedContent,
    deposit: string | undefined,
    isSecure: boolean,
  ): Promise<WrappedDataKey | undefined> {
    const { trust } = caller;
    if (!isManaged(of.name, trust)) {
      // guard: vault-deposit-sealed
      if (deposit !== undefined)
        throw new Problem('custody_not_allowed', {
          detail: 'the policy keeps this name sealed: no key of it is taken',
        });
      return undefined;
    }
    // guard: vault-deposit-secure
    requireSecure(isSecure);
    if (deposit === undefined)
      throw new Problem('custody_not_allowed', {
        detail: 'the policy says that the vault manages this name, and the version brings no deposit of its key',
      });
    const parsed = parseDeposit(deposit);
    const { kid, dkc } = parsed.header;
    // guard: vault-deposit-commitment
    if (dkc !== of.dkc) throw new Problem('envelope_tampered', { detail: 'the deposit commits to another key' });
    // guard: vault-deposit-purpose
    trust.requireKey(kid, { usage: 'encrypt', purpose: 'deposit', now: this.clock.now(), check: 'deposit-key' });
    const unwrapper = this.deposits.find(kid);
    if (unwrapper === undefined)
      throw new Problem('custody_not_allowed', {
        detail:
          'the vault does not hold the key that the directory lists for managed names: put its new key file in place',
      });
    const expected = {
      ...placeOf(trust, of),
      urn: this.keys.urnIn(trust.org),
      dekId: of.dekId,
      chash: of.chash,
      dkc: of.dkc,
    };
    const dek = await openDeposit(parsed, unwrapper, expected).catch(failed);
    try {
      await this.open(trust, of, dek);
      return await this.wrap(trust, of, dek);
    } finally {
      dek.wipe();
    }
  }

  /** A key under the active key of the organisation, for a content that was opened or made here. */
  wrap(trust: Trust, of: Omit<ManagedContent, 'content'>, dek: Secret): Promise<WrappedDataKey> {
    return this.dataKeys.wrap(dek.reveal(), contextOf(trust, of));
  }

  /**
   * The key of a stored content, and what it says.
   * @returns a key that the caller wipes
   * @throws {Problem} open_failed; internal for a wrap of another place; as DataKeys.unwrap
   */
  async unwrap(
    trust: Trust,
    of: ManagedContent,
    wrap: WrappedDataKey,
  ): Promise<{ readonly dek: Secret; readonly statement: Statement }> {
    const dek = new SecretBytes(Uint8Array.from(await this.dataKeys.unwrap(wrap, contextOf(trust, of))));
    try {
      return { dek, statement: await this.open(trust, of, dek) };
    } catch (error) {
      dek.wipe();
      throw error;
    }
  }

  /** Opens a content and verifies what it says: about this version, by somebody who may, and managed as the policy is. */
  private async open(trust: Trust, of: ManagedContent, dek: Secret): Promise<Statement> {
    const place = placeOf(trust, of);
    try {
      const statement = await openContent(parseContent(of.content), dek, { org: trust.org, ...place });
      // Both say that it is managed: the statement, and the policy with which it is compared.
      // guard: managed-statement without:
      //   const text = Buffer.from(statement.split('.')[1] ?? '', 'base64url').toString();
      //   const { claims } = { claims: JSON.parse(text) as Statement };
      const { claims } = await verifyStatement(statement, {
        trust,
        now: this.clock.now(),
        chash: of.chash,
        expect: { ...place, name: of.name },
      });
      return claims;
    } catch (error) {
      return failed(error);
    }
  }
}

/** Whether the policy has the vault manage a name: the one place where the vault asks. */
export function isManaged(name: string, trust: CustodyTrust): boolean {
  return custodyOf(name, trust) === 'managed';
}

/**
 * What the vault will read travels over a connection that nobody else reads.
 * @throws {Problem} forbidden
 */
export function requireSecure(isSecure: boolean): void {
  if (isSecure) return;
  throw new Problem('forbidden', {
    detail:
      'a version of a managed name travels over TLS, from this machine, or through a trusted proxy that says https',
  });
}

function placeOf({ org }: Trust, { promptId, version }: Pick<ManagedContent, 'promptId' | 'version'>) {
  return { sub: urnOf(org, 'prompt', promptId), ver: version };
}

function contextOf(trust: Trust, of: Omit<ManagedContent, 'content'>): WrapContext {
  return { org: trust.org, ...placeOf(trust, of), dek: of.dekId, chash: of.chash, dkc: of.dkc };
}

/** After a key was used there is one error, whatever failed (protocol.md §2.1). */
function failed(error: unknown): never {
  if (error instanceof CryptoError) throw new Problem('open_failed');
  throw error;
}
