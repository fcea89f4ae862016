import { CryptoError, randomBytes } from '@bulla/crypto';
import type { WrapContext } from '@bulla/crypto/open';
import { kekId, openKekWrap, sealKekWrap } from '@bulla/crypto/open';
import { Problem } from '@bulla/contract';
import { Chores, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { WrappedDataKey } from '../custody/data-keys.js';
import { DataKeys } from '../custody/data-keys.js';
import { asked, RootKeys } from '../root-key/root-keys.js';
import type { KekRow } from './keks.repository.js';
import { KeksRepository } from './keks.repository.js';
import type { KekName } from './unwrapped-keks.js';
import { UnwrappedKeks } from './unwrapped-keks.js';
import { UseBlocks } from './use-blocks.js';

const KEK_BYTES = 32;
/** How often a KEK may be replaced between two steps of one request. */
const TRIES_MAX = 5;
const SWEEP_MS = 10_000;

/**
 * Wraps and unwraps data keys under the KEKs of organisations. It asks the database by itself: call it outside of
 * transactions.
 */
@Injectable()
export class Keyring extends DataKeys {
  private readonly unwrapped: UnwrappedKeks;
  private readonly blocks = new UseBlocks();

  constructor(
    private readonly keks: KeksRepository,
    private readonly roots: RootKeys,
    private readonly clock: Clock,
    chores: Chores,
  ) {
    super();
    this.unwrapped = new UnwrappedKeks(() => clock.monotonicMs());
    chores.add({ name: 'drop-keks', everyMs: SWEEP_MS, inEachProcess: true, run: () => this.sweep() });
  }

  /**
   * Wraps a data key under the active KEK of the organisation, which is made where there is none. The use is counted first.
   * @throws {Problem} custody_not_allowed where the vault has no root key; sealed; overloaded
   */
  override async wrap(dek: Uint8Array, context: WrapContext): Promise<WrappedDataKey> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const kek = (await this.keks.active(context.org)) ?? (await this.makeFirst(context.org));
      if (await this.count(kek)) return { kekVersion: kek.version, wrap: await this.seal(kek, dek, context) };
    }
    throw new Problem('overloaded', { detail: 'the key of the organisation is used up: rotate it' });
  }

  /**
   * @returns 32 bytes, which the caller wipes
   * @throws {Problem} internal, also where the row was moved or changed; sealed; overloaded
   */
  override async unwrap({ kekVersion, wrap }: WrappedDataKey, context: WrapContext): Promise<Uint8Array> {
    const kek = await this.keks.find(context.org, kekVersion);
    if (kek === undefined) throw new Problem('internal');
    return this.open(kek, wrap, context);
  }

  /** The same with a row that was read already. */
  async open(kek: KekRow, wrap: string, context: WrapContext): Promise<Uint8Array> {
    try {
      return await this.withKey(kek, (key) => openKekWrap(wrap, key, kekId(kek.org, kek.version), context));
    } catch (error) {
      throw error instanceof CryptoError ? new Problem('internal') : error;
    }
  }

  /** Wraps under a KEK of which a use was counted already. */
  seal(kek: KekRow, dek: Uint8Array, context: WrapContext): Promise<string> {
    return this.withKey(kek, (key) => sealKekWrap(dek, key, kekId(kek.org, kek.version), context));
  }

  /** Counts one use of a KEK. @returns false where it is not active any more, or used up */
  count({ org, version, wrapped }: KekRow): Promise<boolean> {
    return this.blocks.take(`${org} ${version} ${wrapped}`, (uses) => this.keks.reserve(org, version, uses));
  }

  /** Makes a KEK that is not in use yet, unless one waits already. @returns its version */
  async prepare(org: string): Promise<number> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const newest = await this.keks.newest(org);
      if (newest?.state === 'pre-active') return newest.version;
      const version = (newest?.version ?? 0) + 1;
      if (await this.make(org, version)) return version;
    }
    throw new Problem('overloaded');
  }

  /** Forgets keys that are past their time, or that are not in use any more. */
  async sweep(): Promise<void> {
    this.unwrapped.drop();
    const rows = new Map<string, KekRow | undefined>();
    for (const { org } of this.unwrapped.names) rows.set(org, rows.get(org) ?? (await this.keks.active(org)));
    this.unwrapped.drop(({ org, version }) => rows.has(org) && rows.get(org)?.version !== version);
  }

  private async makeFirst(org: string): Promise<KekRow> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const newest = await this.keks.newest(org);
      if (newest?.state === 'active') return newest;
      const version = newest?.state === 'pre-active' ? newest.version : (newest?.version ?? 0) + 1;
      if (newest?.state === 'pre-active' || (await this.make(org, version)))
        await this.keks.activate(org, version, this.clock.nowMs());
    }
    throw new Problem('overloaded');
  }

  /** @returns false where another process was first, or the root key was replaced meanwhile */
  private async make(org: string, version: number): Promise<boolean> {
    const root = await this.roots.active();
    const key = randomBytes(KEK_BYTES);
    try {
      const wrapped = await asked(() => root.wrap(key, { org, kek: kekId(org, version), kver: version }));
      return await this.keks.add({ org, version, root_kid: root.kid, wrapped });
    } finally {
      key.fill(0);
    }
  }

  private async withKey<Result>(kek: KekRow, work: (key: Uint8Array) => Promise<Result>): Promise<Result> {
    const { org, version, wrapped, root_kid: rootKid } = kek;
    // guard: kek-destroyed without: if (wrapped === '')
    if (wrapped === null) throw new Problem('internal');
    const name: KekName = { org, version, wrapped };
    const context = { org, kek: kekId(kek.org, kek.version), kver: version };
    return this.unwrapped.use(
      name,
      async () => {
        const root = await this.roots.of(rootKid);
        return asked(() => root.unwrap(wrapped, context));
      },
      work,
    );
  }
}
