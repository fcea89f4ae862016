import { readdir } from 'node:fs/promises';
import type { KeyFile, KeyRecord } from '@bulla/crypto';
import { isCheckpointKey } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import { MARK_FOLDER_FILE, markFolderText, parseMarkFolder } from '@bulla/crypto/key-files';
import { parseOrigin } from '@bulla/crypto/log';
import { Home, HomeError } from '../home/home.js';
import type { FileKey } from '../home/key-file.js';
import { logOf, withLogKey, writeKeyFile } from '../home/key-file.js';
import { LOG_KEY_LIFE } from '../../trust/next-directory.js';
import { isDue, lifeInWords } from './life.js';
import type { OrganisationKeys } from './key-names.js';
import { KEY_FILES } from './key-names.js';

/** Who has audit logs. */
export const LOGGING_SERVICES = ['vault', 'responder'] as const;
export type LoggingService = (typeof LOGGING_SERVICES)[number];

/** The folder of marks of a service that is started from a home, inside it. */
export const markFolder = (who: LoggingService): string => `audit/${who}`;

/**
 * The number of the log that comes next: one above every number that is known of the service's logs. Old keys for
 * checkpoints have no number, and one of them is there for each old log at least; so where nobody could say how many logs
 * there were, their keys are counted.
 * @param records what a directory lists of the service, revoked keys too.
 * @param heard the highest number that marks, the service and witnesses know; 0 where none of them says anything.
 */
export function nextLog({ keys }: Pick<KeyFile, 'keys'>, records: readonly KeyRecord[], heard: number): number {
  const listed = records.filter(isCheckpointKey);
  const held = keys.filter(isCheckpointKey);
  const numbers = [heard, ...listed.map(({ log }) => log ?? 0), ...held.map((key) => logOf(key) ?? 0)];
  const old = new Set(
    [...listed.filter(({ log }) => log === undefined), ...held.filter((key) => logOf(key) === undefined)].map(
      ({ kid }) => kid,
    ),
  );
  return Math.max(...numbers, heard === 0 ? old.size : 0) + 1;
}

/**
 * A service's file with the key and the row secret of its next log, and the folder of marks in the home set up for it. The
 * folder comes first: a key without it signs nothing, and a folder that was set up for a key that nobody has is set up again.
 */
export async function withNextLog(home: Home, who: LoggingService, file: KeyFile, log: number): Promise<KeyFile> {
  const next = await withLogKey(file, log);
  await home.write(`${markFolder(who)}/${MARK_FOLDER_FILE}`, markFolderText(next));
  return next;
}

interface LogPlan {
  readonly now: number;
  readonly changes: string[];
  /** Whether each service gets the key of its next log, whatever it has. */
  readonly beginsLogs: boolean;
  /** All that the directory lists of an entity, revoked keys too. */
  readonly everListed: (urn: string) => readonly KeyRecord[];
  /** As {@link nextLog}. */
  readonly heard: Readonly<Partial<Record<LoggingService, number>>>;
}

/**
 * The same keys, with the key of the next log for each service that has none with a number (its file is from before there
 * were any), or whose newest is due. A service whose keys here are revoked, or that has such a key in a file elsewhere, gets
 * none.
 * @param recordsOf what the directory lists of an entity but for what is revoked; undefined where there is no directory.
 */
export async function withLogKeys(
  home: Home,
  keys: OrganisationKeys,
  recordsOf: ((urn: string) => readonly KeyRecord[]) | undefined,
  { now, changes, beginsLogs, everListed, heard }: LogPlan,
): Promise<OrganisationKeys> {
  const next = { ...keys };
  for (const who of LOGGING_SERVICES) {
    const file = keys[who];
    const records = recordsOf?.(file.urn);
    const isInUse = records === undefined || file.keys.some(({ kid }) => records.some((record) => record.kid === kid));
    const newest = file.rows === undefined ? undefined : newestLogKey(file);
    const isElsewhere = newest === undefined && records?.some(({ log }) => log !== undefined) === true;
    const record = records?.find(({ kid }) => kid === newest?.kid);
    const due = record !== undefined && isDue(record.use_until - now, LOG_KEY_LIFE.use);
    if (!isInUse || isElsewhere || !(beginsLogs || newest === undefined || due)) continue;
    const after = nextAfter(file, everListed(file.urn), heard[who] ?? 0);
    const log = Math.max(after, (await highestMark(home.path(markFolder(who)), after)) + 1);
    // What follows a log that is whole is signed by the same folder; nothing else vouches for what its marks say.
    next[who] = due && !beginsLogs ? await withLogKey(file, log) : await withNextLog(home, who, file, log);
    await writeKeyFile(home, KEY_FILES[who], next[who]);
    changes.push(`key for audit log ${log} of the ${who} made for ${lifeInWords(LOG_KEY_LIFE.use)}`);
  }
  return next;
}

/** As {@link nextLog}. @throws {HomeError} if what was heard is so high that nobody began the logs before it */
function nextAfter(file: KeyFile, records: readonly KeyRecord[], heard: number): number {
  const next = nextLog(file, records, 0);
  // guard: log-number-far
  if (heard > next + UNKNOWN_LOGS_MAX)
    throw new HomeError(
      `the logs of ${file.urn} are said to have come to number ${heard}, and the next is ${next} by all keys; see who says so with \`bulla audit list\``,
    );
  return nextLog(file, records, heard);
}

/** The key of a file that signs the newest log of its service; undefined in a file from before logs had keys of their own. */
export function newestLogKey({ keys }: Pick<KeyFile, 'keys'>): FileKey | undefined {
  return keys
    .filter((key) => logOf(key) !== undefined)
    .toSorted((one, other) => (logOf(other) ?? 0) - (logOf(one) ?? 0))[0];
}

/**
 * The highest number that the marks of a folder, and the file of the folder itself, speak of; 0 where there is no folder.
 * Other files say nothing.
 * @param next the number that comes next by the keys that are known.
 * @throws {HomeError} if one cannot be read, since it may be of a higher number; or if it is of one so high that nobody began
 *   the logs before it: numbers do not come back
 */
export async function highestMark(folder: string, next: number): Promise<number> {
  const marks = new Home(folder, undefined, false);
  let highest = 0;
  for (const name of await filesIn(folder)) {
    const number = numberIn(name, (await marks.read(name)) ?? '');
    // guard: mark-number-far
    if (number === undefined || number > next + UNKNOWN_LOGS_MAX)
      throw new HomeError(
        number === undefined
          ? `${marks.path(name)} is not a mark of an audit log; move it away, and run this again`
          : `${marks.path(name)} speaks of audit log ${number}, and the next is ${next} by all keys; see who put it there, move it away, and run this again`,
      );
    highest = Math.max(highest, number);
  }
  return highest;
}

/** Logs whose keys nobody here knows: those that were begun after the copy of a key file that came back. */
const UNKNOWN_LOGS_MAX = 8;

function numberIn(name: string, text: string): number | undefined {
  try {
    if (name === MARK_FOLDER_FILE) return parseMarkFolder(utf8(text)).log;
    const said = Object(JSON.parse(text)) as { readonly note?: unknown; readonly origin?: unknown };
    // One from before marks were notes has its origin as a member.
    const origin = typeof said.note === 'string' ? said.note.slice(0, said.note.indexOf('\n')) : said.origin;
    return typeof origin === 'string' ? parseOrigin(origin)?.number : undefined;
  } catch {
    return undefined;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json')).map(({ name }) => name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new HomeError(`cannot read the folder of marks ${folder} (${code})`);
  }
}
