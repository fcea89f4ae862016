import { hash as digest } from 'node:crypto';
import { Problem } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import type { SealedRow } from './audit-row.js';

/** Leaves of one organisation that are kept at most: as many as may wait before nothing new is decided. */
const LEAVES_MAX = 100_000;
const RETRY_AFTER_SECONDS = 5;

/** A decision that a caller was told of, and that no checkpoint is known to hold. */
export interface Acknowledged {
  /** Hash of the leaf in the tree, as {@link leafName} spells it. */
  readonly hash: string;
  readonly secretId: string;
  /** Hexadecimal, as its row has it. */
  readonly mac: string;
  readonly sinceMs: number;
}

/** By what a row is authenticated, as the database has it. */
export interface RowProof {
  readonly secretId: string | null;
  readonly mac: Uint8Array | null;
}

export interface AcknowledgedLeavesParts {
  /** How long a decision may wait to come under a checkpoint, in seconds. */
  readonly secondsMax: number;
  readonly nowMs?: () => number;
}

/**
 * What this process has told callers that it did, until a checkpoint holds it. Whoever changes the database can take a row
 * away before it is in the log; what was said cannot be taken back (docs/spec/audit-log.md#rows-before-the-log). It lives in
 * memory: a process that starts anew has forgotten it.
 */
export class AcknowledgedLeaves {
  readonly #secondsMax: number;
  readonly #nowMs: () => number;
  /** By organisation, then by hash; the oldest first. */
  readonly #leaves = new Map<string, Map<string, Acknowledged>>();
  readonly #missing = new Set<string>();

  constructor(parts: AcknowledgedLeavesParts) {
    this.#secondsMax = parts.secondsMax;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** Rows are committed, and somebody will be told so. */
  note(rows: readonly SealedRow[]): void {
    const sinceMs = this.#nowMs();
    for (const { org, event, secretId, mac } of rows) {
      const leaves = this.#leaves.get(org) ?? new Map<string, Acknowledged>();
      this.#leaves.set(org, leaves);
      const name = digest('sha256', LEAF_PREFIX + event, 'binary');
      leaves.set(name, { hash: name, secretId, mac, sinceMs });
    }
  }

  /** Those of an organisation that nothing is known of yet, the oldest first. */
  of(org: string): readonly Acknowledged[] {
    return [...(this.#leaves.get(org)?.values() ?? [])];
  }

  /** Organisations of which there is one. */
  get organisations(): readonly string[] {
    return [...this.#leaves].flatMap(([org, { size }]) => (size > 0 ? [org] : []));
  }

  has(org: string, hash: string): boolean {
    return this.#leaves.get(org)?.has(hash) ?? false;
  }

  /** Whether this process itself wrote a row with this leaf, and it is as it was written. */
  isTold(org: string, hash: string, { secretId, mac }: RowProof): boolean {
    const told = this.#leaves.get(org)?.get(hash);
    // guard: row-told-same without: return told !== undefined;
    return told !== undefined && told.secretId === secretId && told.mac === hexOf(mac);
  }

  /** A checkpoint holds them, or a person set them aside. */
  settle(org: string, hashes: Iterable<string>): void {
    const leaves = this.#leaves.get(org);
    for (const one of hashes) leaves?.delete(one);
  }

  /** One is gone: nothing is decided for this organisation until a person starts this process anew. */
  miss(org: string): void {
    this.#missing.add(org);
  }

  isMissing(org: string): boolean {
    return this.#missing.has(org);
  }

  /** @throws {Problem} overloaded while one is gone, is late for longer than a log may be behind, or too many are kept */
  require(org: string): void {
    // guard: leaf-missing
    if (this.#missing.has(org))
      throw refused(
        'a decision is missing from the audit log; nothing is done until a person has looked into it and started the service anew',
      );
    // guard: leaf-late
    if (this.#isLate(org)) throw refused('the audit log is behind: nothing is done that it could not tell');
    // guard: leaves-many
    if ((this.#leaves.get(org)?.size ?? 0) >= LEAVES_MAX)
      throw refused('too many decisions wait for the audit log: nothing more is done');
  }

  /** How many are under no checkpoint for longer than a log may be behind. */
  lateOf(org: string): number {
    if (!this.#isLate(org)) return 0;
    const before = this.#nowMs() - this.#secondsMax * 1000;
    return this.of(org).filter(({ sinceMs }) => sinceMs < before).length;
  }

  #isLate(org: string): boolean {
    const [oldest] = this.#leaves.get(org)?.values() ?? [];
    return oldest !== undefined && this.#nowMs() - oldest.sinceMs > this.#secondsMax * 1000;
  }
}

/** A hash as a text with a byte in each character: as hexadecimal it takes twice the memory, of which there is much. */
export function leafName(hash: Bytes): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}

function hexOf(bytes: Uint8Array | null): string {
  return bytes === null ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Of a leaf in the tree (RFC 6962 §2.1). */
const LEAF_PREFIX = '\u0000';

function refused(detail: string): Problem {
  return new Problem('overloaded', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
