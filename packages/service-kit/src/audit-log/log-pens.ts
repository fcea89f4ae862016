import type { KeyRecord, Signer, Trust } from '@bulla/crypto';
import { isCheckpointKey, utf8 } from '@bulla/crypto';
import type { CheckpointTrust } from '@bulla/crypto/log';
import { noteKeyOf, originOf, parseOrigin, pinInOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import type { ServiceKeys } from '../authentication/service-keys.js';
import { LogLost } from './log-lost.js';
import type { KeptMark, LogMarks } from './marks.js';
import { BadMark } from './marks.js';

/** What of an organisation's documents says which of a service's logs is written. */
export type LogListing = Pick<Trust, 'pin' | 'entity' | 'isRevoked'>;

/** What writes the log of an organisation now. */
export interface Pen {
  readonly org: string;
  /** Which log: the highest that the directory lists a key for. */
  readonly number: number;
  readonly origin: string;
  readonly key: Signer;
  /** Undefined where the folder of marks is not set up: nothing is signed then. */
  readonly signsFrom: number | undefined;
  /** All of the organisation, the newest last, read before the head is. */
  readonly marks: readonly KeptMark[];
}

export interface LogPensParts {
  readonly marks: Pick<LogMarks, 'read' | 'folder'>;
  readonly keys: Pick<ServiceKeys, 'urnIn' | 'logKeys'>;
  /** The newest documents; undefined for an organisation that is not served. */
  readonly trustOf: (org: string) => Promise<LogListing | undefined>;
}

/**
 * Says which log of an organisation is written, under which name and by which key. Pin, organisation, service and number
 * make the name; nothing of it is read from the database (docs/spec/audit-log.md, Name).
 */
export class LogPens {
  readonly #parts: LogPensParts;
  /** By organisation, the notes of marks that were verified once. */
  readonly #verified = new Map<string, ReadonlySet<string>>();

  constructor(parts: LogPensParts) {
    this.#parts = parts;
  }

  /**
   * @returns undefined for an organisation whose documents are not there
   * @throws {LogLost} `number`, `key`; {BadMark} `unsigned`, if no key of its log signed one: nothing may be signed then
   */
  async of(org: string): Promise<Pen | undefined> {
    const { keys, trustOf } = this.#parts;
    const trust = await trustOf(org);
    if (trust === undefined) return undefined;
    const urn = keys.urnIn(org);
    const records = recordsOf(trust, urn);
    const number = Math.max(0, ...records.map(({ log }) => log ?? 0));
    const folder = await this.#parts.marks.folder();
    const marks = folder === undefined ? [] : await this.#parts.marks.read(org);
    await this.#requireSigned(org, marks);
    const newest = marks.at(-1);
    const lowest = Math.max(
      folder?.log ?? 0, // guard: pen-number-folder
      newest?.number ?? 0, // guard: pen-number-mark
    );
    if (number > 0 && number < lowest) throw new LogLost('number', newest);
    const listed = records.filter(({ log, kid }) => log === number && !trust.isRevoked(kid));
    const key = keys.logKeys.find(({ signer }) => listed.some(({ kid }) => kid === signer.kid))?.signer;
    // guard: pen-key without: if (key === undefined && keys.logKeys[0] === undefined)
    if (number === 0 || key === undefined) throw new LogLost('key', newest);
    const origin = originOf({ urn, number, pin: pinInOrigin(trust.pin) });
    return { org, number, origin, key, signsFrom: folder?.log, marks };
  }

  /**
   * Who can put a file into the folder has no key by that. Where nobody here knows a key of its number any more, or not yet,
   * a mark counts as it is: of a lower number nothing is written, and by one of a higher number the log is lost.
   */
  async #requireSigned(org: string, marks: readonly KeptMark[]): Promise<void> {
    const before = this.#verified.get(org);
    const verified = new Set<string>();
    const lowest = await this.#lowestNumbered(org, marks);
    for (const mark of marks) {
      const isKnown = mark.note !== undefined && before?.has(mark.note) === true;
      const verdict = isKnown ? 'signed' : await this.#judge(org, mark, lowest);
      // guard: mark-signed
      if (verdict === 'refused')
        throw new BadMark(
          'unsigned',
          mark.file,
          `the mark ${mark.file} was not signed by a key of ${mark.origin}; move it away, and see who can write in the folder of marks`,
        );
      // One that nobody could judge is judged again: its key may be listed by then.
      if (mark.note !== undefined && verdict === 'signed') verified.add(mark.note);
    }
    this.#verified.set(org, verified);
  }

  /** The lowest number of a log that anything here says had a key of its own. */
  async #lowestNumbered(org: string, marks: readonly KeptMark[]): Promise<number> {
    const { keys, trustOf } = this.#parts;
    const trust = await trustOf(org);
    const listed = trust === undefined ? [] : recordsOf(trust, keys.urnIn(org));
    const signed = marks.filter(({ note }) => note !== undefined).map(({ number }) => number);
    const known = [...listed, ...keys.logKeys].flatMap(({ log }) => log ?? []);
    return Math.min(...known, ...signed);
  }

  async #judge(
    org: string,
    { origin, note, number }: KeptMark,
    lowest: number,
  ): Promise<'signed' | 'unknown' | 'refused'> {
    const name = parseOrigin(origin);
    if (name?.urn !== this.#parts.keys.urnIn(org)) return 'refused';
    // One from before marks were notes, of a log from before there were numbers.
    // guard: mark-old-form without: if (note === undefined) return name.pin === undefined ? 'unknown' : 'refused';
    if (note === undefined) return name.pin === undefined && number < lowest ? 'unknown' : 'refused';
    const trust = await this.trustIn(org, origin);
    if (trust.keys.length === 0) return 'unknown';
    return verifyCheckpoint(utf8(note), trust).then(
      () => 'signed',
      () => 'refused',
    );
  }

  /** Whether a key of its number signed a mark, also one that counts no more: a log ends when its key is revoked. */
  async everSigned(org: string, { origin, note }: KeptMark): Promise<boolean> {
    if (note === undefined) return false;
    const trust = await this.#trustBy(org, origin, () => true);
    return verifyCheckpoint(utf8(note), trust).then(
      () => true,
      () => false,
    );
  }

  /** What wrote a lower log, to write it to its end; undefined where its key is gone. */
  endedBy(pen: Pen, { number, origin }: KeptMark): Pen | undefined {
    const key = this.#parts.keys.logKeys.find(({ log }) => log === number)?.signer;
    return key && { ...pen, number, origin, key };
  }

  /** The origins that a log of this number may have: that of its key's number, and the one from before there were such. */
  async originsOf(org: string, number: number): Promise<string[]> {
    const urn = this.#parts.keys.urnIn(org);
    const trust = await this.#parts.trustOf(org);
    const numbered = trust === undefined ? [] : [originOf({ urn, number, pin: pinInOrigin(trust.pin) })];
    return [...numbered, originOf({ urn, number })];
  }

  /** As {@link trustIn}, for a log of a number: by its numbered name where there is a key of that number. */
  async trustOfNumber(org: string, number: number): Promise<CheckpointTrust> {
    const [numbered = '', old = ''] = (await this.originsOf(org, number)).slice(-2);
    const trust = await this.trustIn(org, numbered);
    return trust.keys.length > 0 || old === '' ? trust : this.trustIn(org, old);
  }

  /**
   * By what checkpoints of a log of this service are verified: keys of its number, and for a log from before there were
   * numbers, keys without one; both of the directory and of the key file.
   */
  trustIn(org: string, origin: string): Promise<CheckpointTrust> {
    return this.#trustBy(org, origin, (trust, { kid }) => !trust.isRevoked(kid));
  }

  async #trustBy(
    org: string,
    origin: string,
    counts: (trust: LogListing, record: KeyRecord) => boolean,
  ): Promise<CheckpointTrust> {
    const { keys, trustOf } = this.#parts;
    const name = parseOrigin(origin);
    const log = name?.pin === undefined ? undefined : name.number;
    const trust = await trustOf(org);
    const listed = trust === undefined ? [] : recordsOf(trust, keys.urnIn(org));
    // guard: log-note-number without: const own = listed.map(({ jwk }) => jwk);
    const own = listed
      .filter((record) => record.log === log && trust !== undefined && counts(trust, record))
      .map(({ jwk }) => jwk);
    const held = keys.logKeys.filter((key) => key.log === log).map(({ signer }) => signer.publicJwk);
    const all = await Promise.all([...own, ...held].map((jwk) => noteKeyOf(origin, jwk)));
    return { origin, keys: all.filter(({ id }, index) => all.findIndex((one) => one.id === id) === index) };
  }
}

function recordsOf(trust: LogListing, urn: string): readonly KeyRecord[] {
  return (trust.entity(urn)?.keys ?? []).filter((record) => isCheckpointKey(record));
}
