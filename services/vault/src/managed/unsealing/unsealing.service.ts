import type { Kid, Unsealing } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ShareClaims } from '@bulla/crypto';
import { CryptoError, fingerprint, parseSealedShare } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Answer, Clock, EventLog, LogEvent, Metrics } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../../database/vault-ledger.js';
import { RootKeys } from '../root-key/root-keys.js';
import { ShamirRootKey } from '../root-key/shamir-root-key.js';
import { Tries } from './tries.js';

const SHARE_TAKEN = new LogEvent<{ set: string; share: number; given: number; threshold: number }>(
  'share-taken',
  'info',
);
const VAULT_UNSEALED = new LogEvent<{ set: string }>('vault-unsealed', 'info');

/** People read and type: who tries more often tries something else. */
const TRIES = { max: 20, windowMs: 60_000 };
const SHARE = '/share';

/**
 * Takes shares of the root key into this process, one after the other. Who may bring them is judged as for every route;
 * whether they are right, the signature of their dealer says.
 */
@Injectable()
export class UnsealingService {
  private readonly tries: Tries;
  /** Of two shares that come at the same time the second is judged after the first was taken in. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ledger: VaultLedger,
    private readonly roots: RootKeys,
    private readonly log: EventLog,
    clock: Clock,
    metrics: Metrics,
  ) {
    this.tries = new Tries(TRIES, () => clock.monotonicMs());
    const gauge = metrics.gauge('bulla_sealed', 'Root keys in shares that this process waits for', [], () => {
      gauge.set(this.inShares().filter(({ sealed }) => sealed).length);
    });
  }

  /** @throws {Problem} not_found where no root key is in shares */
  async get(caller: Caller): Promise<Answer<Unsealing>> {
    const [first] = this.inShares();
    const root = this.inShares().find(({ sealed }) => sealed) ?? first;
    if (root === undefined) throw notInShares();
    await this.ledger.read(caller, { act: 'unsealing.get', obj: { sealed: root.sealed } });
    return new Answer(stateOf(root));
  }

  /**
   * Opens, judges and takes one share in. A refusal changes nothing, and neither does what the audit log could not tell.
   * @throws {Problem} not_found; version_conflict for the key of another process, for a share that is here already and
   *   once the root key is here; open_failed; validation_failed for a share of something else; rate_limited
   */
  give(caller: Caller, sealed: string): Promise<Answer<Unsealing>> {
    const given = this.last.then(() => this.giveNext(caller, sealed));
    this.last = given.catch(() => undefined);
    return given;
  }

  private async giveNext(caller: Caller, sealed: string): Promise<Answer<Unsealing>> {
    // Empty where a retry gets the answer of before.
    const taken: [root: ShamirRootKey, share: ShareClaims][] = [];
    const answer = await this.ledger.run(caller, async () => {
      const root = this.rootFor(sealed);
      this.tries.take();
      const share = await judge(root, sealed);
      taken.push([root, share]);
      const given = [...root.given, share.index].toSorted((one, other) => one - other);
      const isLast = given.length === root.set.threshold;
      const obj = { set: root.set.id as Kid, share: share.index, given: given.length, sealed: !isLast };
      return {
        body: { ...stateOf(root), sealed: !isLast, given: isLast ? [] : given },
        event: { act: 'unsealing.give', obj },
      };
    });
    for (const [root, share] of taken) await this.take(root, share);
    return answer;
  }

  private async take(root: ShamirRootKey, share: ShareClaims): Promise<void> {
    const { threshold, id } = root.set;
    const given = root.given.length + 1;
    await root.take(share);
    this.log.write(SHARE_TAKEN, { set: fingerprint(id), share: share.index, given, threshold });
    if (root.sealed) return;
    this.log.write(VAULT_UNSEALED, { set: fingerprint(id) });
    // What fails now is done by the chore that does the same.
    await this.roots.refresh().catch(() => undefined);
  }

  /** The root key for whose process a share is sealed. */
  private rootFor(sealed: string): ShamirRootKey {
    const kid = kidOf(sealed);
    const roots = this.inShares();
    if (roots.length === 0) throw notInShares();
    const root = roots.find(({ key }) => key.kid === kid);
    if (root !== undefined) return root;
    throw conflict('it is sealed to the key of another process, or of one before it was started again');
  }

  private inShares(): ShamirRootKey[] {
    return this.roots.held.filter((root): root is ShamirRootKey => root instanceof ShamirRootKey);
  }
}

/** The share inside, if it is one that this process lacks. */
async function judge(root: ShamirRootKey, sealed: string): Promise<ShareClaims> {
  // guard: unseal-done
  if (!root.sealed) throw conflict('this process has its root key already');
  const share = await read(root, sealed);
  // guard: unseal-twice
  if (root.given.includes(share.index)) throw conflict(`this process was given share ${share.index} already`);
  return share;
}

/** Which check a share failed may be told: who sealed it knows what is in it, and its signature is not made with our key. */
async function read(root: ShamirRootKey, sealed: string): Promise<ShareClaims> {
  try {
    return await root.read(sealed);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code === 'open_failed') throw error;
    throw new Problem('validation_failed', { errors: [{ pointer: SHARE, message: error.message }] });
  }
}

function kidOf(sealed: string): string | undefined {
  try {
    return parseSealedShare(sealed).header.kid;
  } catch {
    throw new Problem('validation_failed', { errors: [{ pointer: SHARE, message: 'must be a sealed share' }] });
  }
}

function stateOf({ set, sealed, given, key }: ShamirRootKey): Unsealing {
  const jwk = key.jwk as Unsealing['key']['jwk'];
  const { id, shares, threshold } = set;
  return { sealed, set: id, shares, threshold, given, key: { kid: key.kid, jwk } };
}

function notInShares(): Problem {
  return new Problem('not_found', {
    detail: 'the root key of this vault is not in shares: there is nothing to unseal',
  });
}

function conflict(detail: string): Problem {
  return new Problem('version_conflict', { detail });
}
