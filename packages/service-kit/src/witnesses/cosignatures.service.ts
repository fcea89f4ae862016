import type { AuditCheckpoints, KeptCosignatures } from '@bulla/contract';
import { Note, Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { CryptoError, keyThumbprint, witnessesOf } from '@bulla/crypto';
import { SKEW_SECONDS } from '@bulla/crypto/names';
import type { TreeHead, WitnessKey } from '@bulla/crypto/log';
import { encodeNoteKey, makeConsistencyProof, verifyConsistency } from '@bulla/crypto/log';
import { Injectable } from '@nestjs/common';
import { LogRepository } from '../audit-log/log.repository.js';
import type { LogHead } from '../audit-log/log-head.js';
import { treeHashes } from '../audit-log/tree-hashes.js';
import { Ledger } from '../audit/ledger.js';
import type { Caller } from '../authentication/caller.js';
import { ServiceKeys } from '../authentication/service-keys.js';
import { Clock } from '../process/clock.js';
import type { Answer } from '../route/answer.js';
import type { AuditCosignatureTable } from './cosignature-table.js';
import { CosignaturesRepository } from './cosignatures.repository.js';
import type { CosignedNote, GoodCosignature } from './cosigned-note.js';
import { originIn, verifyCosigned } from './cosigned-note.js';

type ShownLog = AuditCheckpoints['data'][number];

/** What witnesses that the policy names say of the logs (docs/spec/audit-log.md, Witnesses). */
@Injectable()
export class CosignaturesService {
  constructor(
    private readonly cosignatures: CosignaturesRepository,
    private readonly logs: LogRepository,
    private readonly ledger: Ledger,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * Keeps what witnesses cosigned. One that is older than what is there changes nothing: it was late, and nobody lied.
   * @throws {Problem} key_unknown, signature_invalid, clock_skew; not_found for a log or a head that is not there
   */
  async keep(caller: Caller, checkpoint: string): Promise<Answer<KeptCosignatures>> {
    const judged = await this.judge(caller, checkpoint).catch((error: unknown) => {
      if (error instanceof Problem) return error;
      throw error;
    });
    return this.ledger.run(caller, async (trx) => {
      // Only now: who asks again gets the first answer, whatever became of the log or the policy.
      if (judged instanceof Problem) throw judged;
      const { log, note } = judged;
      let taken = 0;
      for (const one of note.cosignatures) if (await this.cosignatures.keep(trx, rowOf(log, note, one))) taken++;
      const rows = await this.cosignatures.ofOrganisation(caller.org, trx);
      const names = new Set(note.cosignatures.map(({ witness }) => witness.name));
      const kept = rows.filter((row) => row.log === log.log && names.has(row.witness));
      const by = await Promise.all(note.cosignatures.map(({ witness }) => keyThumbprint(witness.jwk)));
      return {
        body: {
          log: log.log,
          kept: kept.map(({ witness, size, at }) => ({ witness, entries: size, at: momentOf(at) })),
        },
        event: { act: 'audit.cosign', obj: { log: log.log, size: note.head.size, by, taken } },
      };
    });
  }

  /** Logs with what the witnesses of the policy in force say of them; as they are, where it names none. */
  async shownOf(trust: Trust, logs: readonly ShownLog[]): Promise<ShownLog[]> {
    const named = await witnessesOf(trust.policy);
    if (named === undefined) return [...logs];
    const kept = await this.cosignatures.ofOrganisation(trust.org);
    // What somebody put into the database keeps nobody from reading the rest.
    // guard: cosigned-shape without: const rows = kept;
    const rows = kept.filter((row) => Note.safeParse(noteOf(row)).success);
    return logs.map((log) => {
      // guard: cosigned-named without: const own = rows.filter((row) => row.log === log.log);
      const own = rows.filter((row) => row.log === log.log && isNamed(row, named.keys));
      return { ...log, checkpoint: withLines(log.checkpoint, own), witnessed: own.map(noteOf) };
    });
  }

  private async judge({ org, trust }: Caller, checkpoint: string): Promise<{ log: LogHead; note: CosignedNote }> {
    const { keys: witnesses } = (await witnessesOf(trust.policy)) ?? { keys: [] };
    const origin = originIn(checkpoint);
    const log = await this.logOf(org, origin);
    const urn = this.keys.urnIn(org);
    const note = await verifyCosigned(checkpoint, { trust, urn, origin, witnesses });
    this.requireNoFuture(note);
    await this.requireOwnHead(log, note.head);
    return { log, note };
  }

  private async logOf(org: string, origin: string): Promise<LogHead> {
    const found = (await this.logs.all(org)).find((log) => log.origin === origin);
    const log = found && (await this.logs.find(org, found.log));
    if (log === undefined) throw new Problem('not_found', { detail: 'there is no such log' });
    return log;
  }

  /** A tree that this log has signed and holds: a good signature of its own on another one would be the proof of a fork. */
  private async requireOwnHead(log: LogHead, head: TreeHead): Promise<void> {
    const unknown = new Problem('not_found', { detail: 'the log has signed no such checkpoint' });
    // guard: cosign-unsigned
    if (head.size > log.signedSize) throw unknown;
    try {
      const proof = await makeConsistencyProof(head.size, log.size, treeHashes(this.logs, log));
      // guard: cosign-other-root
      await verifyConsistency({ older: head, newer: log, proof });
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'log_inconsistent') throw unknown;
      throw error;
    }
  }

  private requireNoFuture({ cosignatures }: CosignedNote): void {
    // guard: cosign-future
    if (cosignatures.some(({ at }) => at > this.clock.now() + SKEW_SECONDS))
      throw new Problem('clock_skew', { detail: 'a witness cosigned at a time that has not come yet' });
  }
}

function rowOf({ org, log }: LogHead, { head, checkpoint }: CosignedNote, cosignature: GoodCosignature) {
  const { witness, key, at, line } = cosignature;
  return { org, log, witness: witness.name, key, size: head.size, at, checkpoint, line };
}

function isNamed({ witness, key }: AuditCosignatureTable, named: readonly WitnessKey[]): boolean {
  return named.some((one) => one.name === witness && encodeNoteKey(one) === key);
}

function noteOf({ checkpoint, line }: AuditCosignatureTable): string {
  return checkpoint + line;
}

/** The newest checkpoint with the lines of those who cosigned just that. */
function withLines(checkpoint: string | null, rows: readonly AuditCosignatureTable[]): string | null {
  if (checkpoint === null) return null;
  const text = textOf(checkpoint);
  return (
    checkpoint +
    rows
      .filter((row) => textOf(row.checkpoint) === text)
      .map(({ line }) => line)
      .join('')
  );
}

/** What is signed: all before the blank line. */
function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n'));
}

function momentOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
