import { CryptoError, utf8, witnessesOf } from '@bulla/crypto';
import type { TreeHead, WitnessKey, WitnessSigner } from '@bulla/crypto/log';
import {
  cosignCheckpoint,
  encodeNoteKey,
  parseCheckpoint,
  parseNote,
  parseOrigin,
  verifyCheckpoint,
} from '@bulla/crypto/log';
import { askLog } from '../audit/audit-call.js';
import { auditServices, forEachService } from '../audit/audit-services.js';
import type { UnreachedService } from '../audit/audit-services.js';
import { entriesText } from '../audit/counted-entries.js';
import { isSameHead } from '../audit/kept-heads.js';
import type { SignedHead } from '../audit/seen-heads.js';
import { isPrefix, requireOwnOrigin, signedHead } from '../audit/seen-heads.js';
import { BullaError, bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import type { RememberedLog } from './next-log.js';
import { requireSuccession } from './next-log.js';

/** The newest checkpoint of each log that a witness signed, by origin: a signed note each. */
export type WitnessState = ReadonlyMap<string, string>;

/** Where a witness keeps what it signed. */
export interface WitnessMemory {
  /** @throws if it is not there: a witness that does not know what it signed signs nothing */
  readonly read: () => Promise<WitnessState>;
  /** Returns when it is on the disk: only then may the cosignature leave. */
  readonly write: (state: WitnessState) => Promise<void>;
  /** Keeps two signed checkpoints that contradict each other, for everybody to see. @returns where */
  readonly keepEvidence: (evidence: ForkEvidence) => Promise<string>;
}

/** Two checkpoints that a service signed, and that cannot both be true, or of which the later does not speak for the earlier. */
export interface ForkEvidence {
  /** Of the checkpoint that was shown. */
  readonly origin: string;
  /** The one that this witness signed before, and the one that it was shown. */
  readonly checkpoints: readonly [signed: string, shown: string];
}

/** What a witness did about one log. */
export interface WitnessedNow {
  readonly origin: string;
  readonly entries: number;
  /** How many it had signed before. */
  readonly before: number | undefined;
  /**
   * `cosigned`; `same` where the service has its cosignature of this tree; `behind` for an older tree, which the one that it
   * signed continues: late, no fork; `refused` for one that contradicts it, or a lower number, or a higher one that does not
   * stand upon it; `accepted` for such a higher one that a person takes; `failed` where something else went wrong.
   */
  readonly outcome: 'cosigned' | 'same' | 'behind' | 'refused' | 'accepted' | 'failed';
  /** The log of a lower number that this one stands upon, and how many entries more of it were signed meanwhile. */
  readonly follows?: { readonly origin: string; readonly more: number } | undefined;
  readonly error?: BullaError | undefined;
  /** Where the two contradicting checkpoints lie. */
  readonly evidence?: string | undefined;
}

export interface WitnessPass {
  readonly logs: readonly WitnessedNow[];
  /** Services that did not answer. */
  readonly unreached: readonly UnreachedService[];
}

/**
 * One pass over the newest log of every service; what is wrong with one keeps no other from being cosigned.
 * @param accepts URN of a service whose new number a person takes, although it does not stand upon what was signed.
 */
export async function witnessLogs(
  session: Session,
  signer: WitnessSigner,
  memory: WitnessMemory,
  accepts?: string,
): Promise<WitnessPass> {
  const trust = await session.keeper.current();
  const named = await witnessesOf(trust.policy);
  const own = encodeNoteKey(signer.key);
  // guard: witness-named
  if (named?.keys.some((key) => encodeNoteKey(key) === own) !== true)
    throw bullaError('key_unknown', {
      message: `policy version ${trust.policy.version} does not name this witness: put ${own} into "witnesses" of the policy`,
      origin: 'client',
      check: 'witness-named',
    });
  await memory.read();
  const logs: WitnessedNow[] = [];
  const unreached = await forEachService(session, trust, auditServices(session, trust), async (service) => {
    const found = await new WitnessedService(session, service, signer, memory).pass(service.urn === accepts);
    if (found !== undefined) logs.push(found);
  });
  return { logs, unreached };
}

interface ShownLog {
  readonly log: number;
  readonly origin: string;
  readonly checkpoint: string;
  readonly witnessed: readonly string[];
}

/** The newest log of one service, as a witness sees it. */
class WitnessedService {
  readonly #session: Session;
  readonly #service: Service;
  readonly #signer: WitnessSigner;
  readonly #memory: WitnessMemory;

  constructor(session: Session, service: Service, signer: WitnessSigner, memory: WitnessMemory) {
    this.#session = session;
    this.#service = service;
    this.#signer = signer;
    this.#memory = memory;
  }

  /** @param accepts whether a person takes a log of a higher number as it is. */
  async pass(accepts: boolean): Promise<WitnessedNow | undefined> {
    const shown = await this.#shown();
    if (shown === undefined) return undefined;
    const { origin, checkpoint } = shown;
    const state = await this.#memory.read();
    const known = state.get(origin);
    const highest = highestOf(state, this.#service.urn);
    const before = known === undefined ? undefined : headIn(known);
    const of = { origin, before: before?.size };
    let entries = 0;
    let follows: WitnessedNow['follows'];
    try {
      entries = headIn(checkpoint).size;
      const signed = await signedHead(this.#session, this.#service, origin, checkpoint);
      follows = await this.#requireHighest(shown, signed.head, highest);
      const ownAt = await this.#newestOwn(shown, signed);
      // guard: witness-state-older
      if (ownAt !== undefined && ownAt > (before?.size ?? 0)) throw stateIsOlder(ownAt, before);
      const outcome = await this.#judge(shown, signed.head, before);
      if (outcome === 'behind') return { ...of, entries, outcome };
      if (outcome === 'same' && ownAt === entries) return { ...of, entries, outcome };
      await this.#cosign(shown);
      return { ...of, entries, outcome: 'cosigned', follows };
    } catch (error) {
      if (!(error instanceof BullaError)) throw error;
      // Who cannot be reached is told of once, for the whole service.
      if (error.code === 'transport_failed') throw error;
      if (!CONTRADICTIONS.has(error.check)) return { ...of, entries, outcome: 'failed', error };
      const signed = state.get(highest?.origin ?? origin) ?? '';
      const evidence = await this.#memory.keepEvidence({ origin, checkpoints: [signed, checkpoint] });
      // A person takes another number. Two trees of one log nobody takes.
      // guard: witness-accept-higher without: if (!accepts) return { ...of, entries, outcome: 'refused', error, evidence };
      if (!accepts || error.check !== 'succession') return { ...of, entries, outcome: 'refused', error, evidence };
      await this.#cosign(shown);
      return { ...of, entries, outcome: 'accepted', evidence };
    }
  }

  /** The log that grows; undefined before its first checkpoint. */
  async #shown(): Promise<ShownLog | undefined> {
    const { data } = await askLog(this.#session, this.#service, 'audit.checkpoint', {});
    // guard: witness-log-begun without: const newest = data.at(-1);
    const newest = data.findLast(({ checkpoint }) => checkpoint !== null);
    if (newest === undefined || newest.checkpoint === null) return undefined;
    requireOwnOrigin(this.#service, newest, (await this.#session.keeper.current()).pin);
    return { ...newest, checkpoint: newest.checkpoint, witnessed: newest.witnessed ?? [] };
  }

  /** How many entries this witness signed by what the service shows; undefined for none. */
  async #newestOwn({ origin, checkpoint, witnessed }: ShownLog, { keys }: SignedHead): Promise<number | undefined> {
    let newest: number | undefined;
    for (const note of [checkpoint, ...witnessed]) {
      const size = await sizeSignedBy(note, this.#signer.key, { origin, keys });
      if (size !== undefined && size > (newest ?? 0)) newest = size;
    }
    return newest;
  }

  /**
   * Of several logs of a service the highest number counts, and a higher one than was signed has to stand upon that.
   * @throws {VerifyError} log_inconsistent (rollback, succession)
   */
  async #requireHighest(
    { log, origin }: ShownLog,
    head: TreeHead,
    highest: RememberedLog | undefined,
  ): Promise<WitnessedNow['follows']> {
    if (highest === undefined || origin === highest.origin) return undefined;
    const { urn } = this.#service;
    // guard: witness-number
    if (log <= highest.number)
      throw contradiction('rollback', `${urn} shows ${origin}, and this witness signed ${highest.origin} after it`);
    // guard: witness-succession without: const more = head.size - head.size;
    const more = await requireSuccession(this.#session, this.#service, { number: log, head }, highest);
    return { origin: highest.origin, more };
  }

  /** @throws {VerifyError} log_inconsistent (fork, rollback) where the tree contradicts the one that was signed before */
  async #judge({ log }: ShownLog, head: TreeHead, before: TreeHead | undefined): Promise<'new' | 'same' | 'behind'> {
    if (before === undefined) return 'new';
    if (isSameHead(head, before)) return 'same';
    const isOlder = head.size < before.size;
    const [older, newer] = isOlder ? [head, before] : [before, head];
    // guard: witness-fork without: return isOlder ? 'behind' : 'new';
    if (await isPrefix(this.#session, this.#service, log, { older, newer })) return isOlder ? 'behind' : 'new';
    const { urn } = this.#service;
    if (isOlder)
      throw contradiction(
        'rollback',
        `${urn} shows ${entriesText(head.size)}, and not that they are the first of the ${entriesText(before.size)} that this witness signed`,
      );
    throw contradiction(
      'fork',
      `the ${entriesText(head.size)} of ${urn} do not begin with the ${entriesText(before.size)} that this witness signed`,
    );
  }

  async #cosign({ origin, checkpoint }: ShownLog): Promise<void> {
    const { keeper, transport, now } = this.#session;
    // What was signed is on the disk before the signature exists: a crash between them costs nothing.
    await this.#memory.write(new Map(await this.#memory.read()).set(origin, checkpoint));
    const cosigned = await cosignCheckpoint(utf8(checkpoint), now(), this.#signer);
    await transport.call('audit.cosign', this.#service, await keeper.current(), { body: { checkpoint: cosigned } });
  }
}

/** What keeps a witness from signing until a person looks at it. */
const CONTRADICTIONS: ReadonlySet<string | undefined> = new Set(['fork', 'rollback', 'succession']);

/** The log with the highest number that this witness signed of a service. */
function highestOf(state: WitnessState, urn: string): RememberedLog | undefined {
  let highest: RememberedLog | undefined;
  for (const [origin, note] of state) {
    const name = parseOrigin(origin);
    if (name?.urn !== urn || name.number <= (highest?.number ?? 0)) continue;
    highest = { origin, number: name.number, head: headIn(note) };
  }
  return highest;
}

/** How many entries a note is about, if this witness cosigned it. */
async function sizeSignedBy(
  note: string,
  witness: WitnessKey,
  log: { readonly origin: string; readonly keys: SignedHead['keys'] },
): Promise<number | undefined> {
  try {
    const { checkpoint, cosignatures } = await verifyCheckpoint(utf8(note), { ...log, witnesses: [witness] });
    return cosignatures.length === 0 ? undefined : checkpoint.size;
  } catch (error) {
    // What does not verify says nothing of what was signed.
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function headIn(note: string): TreeHead {
  return parseCheckpoint(parseNote(utf8(note)).text);
}

function stateIsOlder(signed: number, before: TreeHead | undefined): BullaError {
  const known = before === undefined ? 'nothing of this log' : `only ${entriesText(before.size)}`;
  return bullaError('log_inconsistent', {
    message: `this witness signed ${entriesText(signed)}, and its state knows ${known}: it is older than the key has signed; bring the newest state back, or make a new witness: bulla audit witness --init NAME`,
    origin: 'client',
    check: 'witness-state',
  });
}

function contradiction(check: 'fork' | 'rollback', message: string): BullaError {
  return bullaError('log_inconsistent', { message, origin: 'client', check });
}
