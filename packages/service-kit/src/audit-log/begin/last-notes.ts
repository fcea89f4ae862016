import type { AuditFacts } from '@bulla/contract';
import { encodeBase64url, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { parseCheckpoint, parseNote, verifyCheckpoint } from '@bulla/crypto/log';
import { entryIn } from '../entry-terms.js';
import type { LogPens, Pen } from '../log-pens.js';
import type { LogRepository } from '../log.repository.js';

type Before = Extract<AuditFacts<'log.begin'>['before'], readonly unknown[]>;
type LastNote = Before[number]['note'];

/** A note that a key of its log signed. */
export interface SignedNote extends TreeHead {
  readonly note: string;
  readonly origin: string;
}

export interface LastNotesParts {
  readonly logs: Pick<LogRepository, 'notes'>;
  readonly pens: Pick<LogPens, 'trustIn' | 'originsOf' | 'everSigned'>;
}

/**
 * What the first entry of a log says of every lower number: the last note that was signed of it. The first entry of the log
 * before says it of those below that: their keys may be gone. Of others marks say it; where there is none, or it is from
 * before marks were notes, the newest note of the database that a key of that log signed.
 */
export async function lastNotes(pen: Pen, parts: LastNotesParts): Promise<Before> {
  const handedOn = await notesHandedOn(pen, parts);
  const before: Before = [];
  for (let log = 1; log < pen.number; log++) {
    const known = handedOn.get(log);
    before.push({ log, note: known === undefined ? await lastNote(pen, log, parts) : known });
  }
  return before;
}

/** What the first entry of the newest log before says, whose key signed it. */
async function notesHandedOn({ org, number, marks }: Pen, { pens }: LastNotesParts): Promise<Map<number, LastNote>> {
  for (const mark of marks.toReversed()) {
    if (mark.number >= number || mark.first === undefined || !(await pens.everSigned(org, mark))) continue;
    const entry = entryIn(mark.first);
    if (entry?.act !== 'log.begin' || entry.res !== 'ok' || !Array.isArray(entry.obj.before)) continue;
    return new Map(entry.obj.before.map(({ log, note }) => [log, note]));
  }
  return new Map();
}

async function lastNote(pen: Pen, number: number, parts: LastNotesParts): Promise<LastNote> {
  const mark = pen.marks.findLast((one) => one.number === number);
  // A file that nobody can tell from a forged one says nothing.
  // guard: before-mark-signed without: if (mark?.note !== undefined) return said(mark.note, mark.origin);
  if (mark?.note !== undefined && (await parts.pens.everSigned(pen.org, mark))) return said(mark.note, mark.origin);
  const newest = await newestNote(pen.org, number, parts);
  // guard: before-smaller-note
  if (newest === undefined || newest.size < (mark?.size ?? 0)) return null;
  return said(newest.note, newest.origin);
}

/** The newest note of a log that the database has, and that one of its keys signed. */
export async function newestNote(
  org: string,
  number: number,
  { logs, pens }: LastNotesParts,
): Promise<SignedNote | undefined> {
  let newest: SignedNote | undefined;
  for (const note of await logs.notes(org, number))
    for (const origin of await pens.originsOf(org, number)) {
      const trust = await pens.trustIn(org, origin);
      // guard: before-unsigned-note without:
      //   const good = { checkpoint: parseCheckpoint(parseNote(utf8(note)).text) };
      const good = await verifyCheckpoint(utf8(note), trust).catch(() => undefined);
      if (good !== undefined && good.checkpoint.size > (newest?.size ?? -1))
        newest = { note, origin, size: good.checkpoint.size, root: good.checkpoint.root };
    }
  return newest;
}

function said(note: string, origin: string): LastNote {
  const { text } = parseNote(utf8(note));
  const { size, root } = parseCheckpoint(text);
  const lines = note.slice(text.length + 1).split('\n');
  const line = lines.find((one) => one.startsWith(`\u2014 ${origin} `)) ?? '';
  return { origin, size, root: encodeBase64url(root), line };
}
