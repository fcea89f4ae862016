import type { AuditRecord } from '@bulla/contract';
import type { WitnessSigner } from '@bulla/crypto/log';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { LogFollower } from '../audit-stream/log-follower.js';
import { askLog } from './audit-call.js';
import type { AuditFilter, ListedEntry } from './audit-entries.js';
import { entriesOf, listed } from './audit-entries.js';
import type { EraseChoice } from './erase-in.js';
import { eraseIn } from './erase-in.js';
import type { ExportedAudit, ExportProgress } from './bundle/audit-export.js';
import { exportAudit } from './bundle/audit-export.js';
import type { BundleFolder } from './bundle/bundle-folder.js';
import type { UnreachedService } from './audit-services.js';
import { auditService, auditServices, forEachService } from './audit-services.js';
import type { AuditVerdict } from './audit-verdict.js';
import { judgeAudit } from './judged-audit.js';
import type { LogAtHand } from './judged-audit.js';
import type { HeardLogs, NoteAtHand } from './heard-logs.js';
import { hearLogs } from './heard-logs.js';
import type { EntryEvidence } from './log-source.js';
import { logsOfService } from './live-logs.js';
import type { FoundLoss } from './loss/log-loss.js';
import { acceptedLoss, withAccepted } from './loss/log-loss.js';
import { merged } from './merged-entries.js';
import type { IncludedEntry } from './proved-entries.js';
import { proveEntries, requireIncluded } from './proved-entries.js';
import type { SeenLog } from './seen-heads.js';
import { seeLogs } from './seen-heads.js';
import type { SetAsideRows } from './set-aside.js';
import { setAsideIn } from './set-aside.js';
import { isErasedSince } from './gone/newest-erasure.js';
import { withVerified } from './told/told-heads.js';
import type { WitnessMemory, WitnessPass } from '../witnesses/witness.js';
import { witnessLogs } from '../witnesses/witness.js';

/** As often all logs are read anew where evidence was erased while they were read. */
const JUDGED_AGAIN_MAX = 2;

/** Whose logs, and which of them. */
export interface LogChoice {
  /** URN of the service; the vault unless given. */
  readonly service?: string | undefined;
  /** Which of its logs; the newest unless given. */
  readonly log?: number | undefined;
}

export interface ListChoice extends Omit<AuditFilter, 'actor'> {
  /** Thumbprints of keys: what their holders asked for. */
  readonly actors?: readonly string[] | undefined;
  /** URNs of services; the vault alone unless given. */
  readonly services?: readonly string[] | undefined;
  /** Newest first unless given. */
  readonly order?: ListOrder | undefined;
  /** How many are asked for at a time, at most 200: who reads entries is in the log as well, with how many. */
  readonly pageSize?: number | undefined;
}

type ListOrder = 'newest-first' | 'oldest-first';

/** One entry, shown to be in the log that the service has signed. */
export interface ProvedEntry extends IncludedEntry {
  /** What shows that the caller asked for it; null where nobody signed a request, or where it is gone. */
  readonly evidence: EntryEvidence | null;
}

/** What was found of the logs as the services hand them out. */
export interface LiveVerdict extends AuditVerdict {
  /** Services that did not answer: of their logs nothing is known, and `valid` is false. */
  readonly unreached: readonly UnreachedService[];
}

/** The audit logs of the organisation: reading, exporting and verifying them, for admins and auditors. */
export class Audit {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** URNs of the services that have logs: the vault, then the responders. */
  async services(): Promise<string[]> {
    return auditServices(this.#session, await this.#session.keeper.current());
  }

  /**
   * The entries that fit, of one service or of several by time. They are the word of the services: `verify` shows that
   * nothing was changed.
   */
  async *list(choice: ListChoice = {}): AsyncGenerator<ListedEntry> {
    const { services, order = 'newest-first', actors, pageSize, ...filter } = choice;
    const lists: AsyncGenerator<ListedEntry>[] = [];
    for (const urn of services ?? [undefined])
      for (const actor of actors ?? [undefined])
        lists.push(this.#ofService(await this.#service(urn), { ...filter, actor }, { order, pageSize }));
    yield* merged(lists, order);
  }

  /** The entries of one log from an index on, to newer ones. */
  async *from(index: number, { service: urn, log }: LogChoice, filter: AuditFilter = {}): AsyncGenerator<ListedEntry> {
    const service = await this.#service(urn);
    const number = log ?? (await this.newestLog(service.urn));
    if (number !== undefined) yield* entriesOf(this.#session, { service, log: number, from: index }, filter);
  }

  /** The number of the newest log of a service; undefined before its first entry. */
  async newestLog(urn?: string): Promise<number | undefined> {
    const { data } = await askLog(this.#session, await this.#service(urn), 'audit.checkpoint', {});
    return data.at(-1)?.log;
  }

  /**
   * One entry, shown to be in the tree of the newest checkpoint.
   * @throws {NotFoundError} not_found; {VerifyError} log_inconsistent if the log does not hold it at this place
   */
  async get(index: number, { service: urn, log }: LogChoice = {}): Promise<ProvedEntry> {
    const service = await this.#service(urn);
    const logs = await seeLogs(this.#session, service);
    const seen = logs.find((one) => one.log === (log ?? logs.at(-1)?.log));
    if (seen === undefined)
      throw bullaError('not_found', { message: 'there is no such log', origin: 'client', status: 404 });
    const record: AuditRecord = await askLog(this.#session, service, 'audit.get', {
      params: { index },
      query: { log: seen.log },
    });
    const { head } = seen;
    const entry = listed(service.urn, seen.log, record);
    const isIn = head !== undefined && index < head.size;
    if (isIn) await requireIncluded(this.#session, service, { ...entry, index }, head);
    return { ...entry, evidence: record.evidence, head: isIn ? head : undefined };
  }

  /** As proveEntries: of entries that were listed, those that are shown to be in the trees that their services signed. */
  prove(entries: readonly ListedEntry[]): Promise<IncludedEntry[]> {
    return proveEntries(this.#session, entries);
  }

  /**
   * The logs of a service, the newest last: its newest checkpoint verified against the directory and against what this
   * client verified before, and kept.
   * @throws {VerifyError} log_inconsistent (fork, rollback)
   */
  async checkpoints(urn?: string): Promise<SeenLog[]> {
    return seeLogs(this.#session, await this.#service(urn));
  }

  /**
   * Verifies every log from its first to its newest signed entry, as the services hand them out, and keeps the heads of
   * those that are good.
   * @param services URNs; all services unless given.
   * @param onProgress told how many entries were verified.
   */
  async verify({
    services,
    onProgress,
  }: {
    readonly services?: readonly string[] | undefined;
    readonly onProgress?: ((entries: number) => void) | undefined;
  } = {}): Promise<LiveVerdict> {
    const session = this.#session;
    const { keeper, identity } = session;
    const trust = await keeper.current();
    const urns = services ?? auditServices(session, trust);
    let entries = 0;
    const judge = async () => {
      const logs: LogAtHand[] = [];
      const unreached = await forEachService(session, trust, urns, async (service) => {
        logs.push(...(await logsOfService(session, service, trust)));
      });
      await session.told.flush();
      const { heads, told, accepted } = (await keeper.state()) ?? {};
      const onLeaf = () => onProgress?.(++entries);
      const known = { heads, told, accepted, now: session.now() };
      return { unreached, ...(await judgeAudit({ org: identity.org, logs, trusts: [trust], ...known, onLeaf })) };
    };
    let verdict = await judge();
    // guard: audit-erased-since
    for (let again = 0; again < JUDGED_AGAIN_MAX && (await this.#isErasedSince(verdict)); again++)
      verdict = await judge();
    await keeper.change((state) => withVerified(state, verdict));
    return { ...verdict, valid: verdict.valid && verdict.unreached.length === 0 };
  }

  /**
   * Accepts what is gone from logs, or came too late: verifying shows it from then on, and ends well. A greater loss has to
   * be accepted again.
   * @param losses as a verdict has them
   */
  async acceptLosses(losses: readonly FoundLoss[]): Promise<void> {
    const { keeper, now } = this.#session;
    const more = losses.filter(({ acceptedAt }) => acceptedAt === undefined).map((loss) => acceptedLoss(loss, now()));
    await keeper.change((state) => ({ ...state, accepted: withAccepted(state.accepted, more) }));
  }

  /**
   * Copies every log up to its newest checkpoint, and the documents by which they are verified. What the folder has
   * already is not fetched again, so a copy that was cut goes on where it stopped.
   * @throws {VerifyError} as checkpoints, before anything of that log is copied
   */
  export(folder: BundleFolder, onProgress?: (progress: ExportProgress) => void): Promise<ExportedAudit> {
    return exportAudit(this.#session, folder, onProgress);
  }

  /**
   * Erases what shows that the holders of keys asked, in every log of every service, and leaves the entries. Each log says
   * that it was done. For owners; copies, such as exports and backups, stay as they are.
   * @returns of how many entries
   * @throws {BullaError} transport_failed where a service does not answer: what was erased before stays erased
   */
  async erase({ actors, until }: EraseChoice): Promise<number> {
    const session = this.#session;
    const trust = await session.keeper.current();
    let count = 0;
    for (const urn of auditServices(session, trust)) {
      const service = auditService(session, trust, urn);
      for (const { log } of (await askLog(session, service, 'audit.checkpoint', {})).data)
        for (const actor of actors) count += await eraseIn(session, service, { log, actor, until });
    }
    return count;
  }

  /**
   * Has every service set rows aside that wait for its log for more than five minutes and that it cannot check: they come into
   * no log, and an entry has the hash of each. For owners.
   * @throws {BullaError} transport_failed where a service does not answer: what was set aside before stays so
   */
  async setAside(): Promise<readonly SetAsideRows[]> {
    const session = this.#session;
    const trust = await session.keeper.current();
    const rows: SetAsideRows[] = [];
    for (const urn of auditServices(session, trust))
      rows.push(await setAsideIn(session, auditService(session, trust, urn)));
    return rows;
  }

  /** As hearLogs. @param urn of the service. */
  async hear(notes: readonly NoteAtHand[], urn: string): Promise<HeardLogs> {
    return hearLogs(this.#session, await this.#service(urn), notes);
  }

  /** Follows the logs of a service: what comes next, verified, for those who pass it on. */
  follow(urn: string): LogFollower {
    return new LogFollower(this.#session, urn, async () => {
      const { logs, unreached } = await this.verify({ services: [urn] });
      for (const { error } of unreached) throw error;
      return logs;
    });
  }

  /**
   * One pass of a witness over the newest log of every service: what continues all that it signed before is cosigned, and
   * brought to the service.
   * @param options `accepts`: the URN of a service whose log of a higher number a person takes as it is.
   * @throws {BullaError} key_unknown where the policy does not name this witness
   */
  cosign(
    witness: WitnessSigner,
    memory: WitnessMemory,
    { accepts }: { readonly accepts?: string | undefined } = {},
  ): Promise<WitnessPass> {
    return witnessLogs(this.#session, witness, memory, accepts);
  }

  async #isErasedSince({ logs }: AuditVerdict): Promise<boolean> {
    for (const [urn, own] of Map.groupBy(logs, (log) => log.urn))
      if (await isErasedSince(this.#session, await this.#service(urn), own)) return true;
    return false;
  }

  async #service(urn: string | undefined): Promise<Service> {
    return auditService(this.#session, await this.#session.keeper.current(), urn);
  }

  async *#ofService(
    service: Service,
    filter: AuditFilter,
    { order, pageSize }: { readonly order: ListOrder; readonly pageSize: number | undefined },
  ): AsyncGenerator<ListedEntry> {
    const { data } = await askLog(this.#session, service, 'audit.checkpoint', {});
    const from = order === 'newest-first' ? undefined : 0;
    for (const { log } of order === 'newest-first' ? data.toReversed() : data)
      yield* entriesOf(this.#session, { service, log, from, pageSize }, filter);
  }
}
