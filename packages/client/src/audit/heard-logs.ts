import { BullaError } from '../connection/errors.js';
import { utf8, witnessesOf } from '@bulla/crypto';
import type { TreeHead, WitnessKey } from '@bulla/crypto/log';
import { parseCheckpoint, parseNote, parseOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';
import { entriesText } from './counted-entries.js';
import { isSameHead } from './kept-heads.js';
import { logKeysOf } from './log-keys.js';
import { isPrefix } from './seen-heads.js';
import { toldHeads } from './told/told-heads.js';

/** What is known of a service's logs before the next one begins (docs/spec/audit-log.md). */
export interface HeardLogs {
  /** URN of the service. */
  readonly service: string;
  /** The highest number of a log of which somebody has a good note; 0 where nobody has one. */
  readonly highest: number;
  /** Signed notes about which a person is asked, and why: each in a sentence. */
  readonly doubts: readonly LogDoubt[];
  /** Whether the service itself said which logs it has. */
  readonly answered: boolean;
}

/** Why a person has to look before the next log begins. */
export interface LogDoubt {
  /** `fork`: two notes do not continue each other. `unwitnessed`: no witness that the policy names holds the newest. */
  readonly why: 'fork' | 'unwitnessed';
  readonly text: string;
  /** The signed notes. */
  readonly notes: readonly string[];
}

/** A signed note that is at hand, and whether it was in the state of a witness that the policy names. */
export interface NoteAtHand {
  readonly note: string;
  readonly isWitnessed: boolean;
}

/** A note that a key of the log signed. */
interface GoodNote extends TreeHead {
  readonly origin: string;
  readonly log: number;
  readonly note: string;
  /** Whether a witness that the policy names has cosigned it. */
  readonly isWitnessed: boolean;
}

/**
 * Asks a service which logs it has, and puts that beside the notes that are at hand: those that answers brought to this
 * client, and others, as from the state of a witness. A note that no listed key signed says nothing.
 */
export async function hearLogs(session: Session, service: Service, others: readonly NoteAtHand[]): Promise<HeardLogs> {
  const trust = await session.keeper.current();
  const named = (await witnessesOf(trust.policy))?.keys ?? [];
  await session.told.flush();
  const told = toldHeads((await session.keeper.state())?.told).map(({ note }) => note);
  const shown = await shownNotes(session, service);
  const found: GoodNote[] = [];
  const alone = [...new Set([...(shown ?? []), ...told])].map((note) => ({ note, isWitnessed: false }));
  for (const one of [...others, ...alone]) {
    const good = await goodNote(session, service, one, named);
    if (good !== undefined) found.push(good);
  }
  const highest = Math.max(0, ...found.map(({ log }) => log));
  const newest = found.filter(({ log }) => log === highest).toSorted((one, other) => other.size - one.size);
  const doubts = [...(await forksIn(session, service, newest)), ...unwitnessedIn(service, newest, named)];
  return { service: service.urn, highest, doubts, answered: shown !== undefined };
}

/** Undefined where the service does not answer, or with what is no answer: others are asked all the same. */
async function shownNotes(session: Session, service: Service): Promise<string[] | undefined> {
  try {
    const { data } = await askLog(session, service, 'audit.checkpoint', {});
    return data.flatMap(({ checkpoint, witnessed = [] }) => [
      ...(checkpoint === null ? [] : [checkpoint]),
      ...witnessed,
    ]);
  } catch (error) {
    if (error instanceof BullaError) return undefined;
    throw error;
  }
}

async function goodNote(
  session: Session,
  { urn }: Service,
  { note, isWitnessed }: NoteAtHand,
  named: readonly WitnessKey[],
): Promise<GoodNote | undefined> {
  try {
    const { origin } = parseCheckpoint(parseNote(utf8(note)).text);
    const name = parseOrigin(origin);
    if (name?.urn !== urn) return undefined;
    const keys = await logKeysOf([await session.keeper.current()], name);
    const trusted = { origin, keys: keys.map((key) => key.note), witnesses: named };
    const { checkpoint, cosignatures } = await verifyCheckpoint(utf8(note), trusted);
    return { ...checkpoint, log: name.number, note, isWitnessed: isWitnessed || cosignatures.length > 0 };
  } catch {
    // Whoever writes into a database can show any note; one that nobody signed raises no number.
    return undefined;
  }
}

/** @param notes of one log, the largest first. */
async function forksIn(session: Session, service: Service, notes: readonly GoodNote[]): Promise<LogDoubt[]> {
  const [newest, ...older] = notes;
  if (newest === undefined) return [];
  const doubts: LogDoubt[] = [];
  for (const one of older) {
    if (isSameHead(one, newest)) continue;
    const continues = one.size < newest.size && (await isShown(session, service, one, newest));
    if (continues) continue;
    const text = `two notes of ${newest.origin}, of ${entriesText(newest.size)} and of ${entriesText(one.size)}, are not shown to continue each other`;
    doubts.push({ why: 'fork', text, notes: [newest.note, one.note] });
  }
  return doubts;
}

async function isShown(session: Session, service: Service, older: GoodNote, newer: GoodNote): Promise<boolean> {
  try {
    return await isPrefix(session, service, newer.log, { older, newer });
  } catch (error) {
    if (error instanceof BullaError) return false;
    throw error;
  }
}

function unwitnessedIn(service: Service, notes: readonly GoodNote[], named: readonly WitnessKey[]): LogDoubt[] {
  const [newest] = notes;
  if (newest === undefined || notes.some((one) => one.isWitnessed && isSameHead(one, newest))) return [];
  const who = named.length === 0 ? 'the policy names no witness' : 'no witness that the policy names has cosigned it';
  const text = `the newest note of ${newest.origin} is of ${entriesText(newest.size)}, and ${who}: ${service.urn} alone says so`;
  return [{ why: 'unwitnessed', text, notes: [newest.note] }];
}
