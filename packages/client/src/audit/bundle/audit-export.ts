import { timestampOf, utf8 } from '@bulla/crypto';
import type { Tile } from '@bulla/crypto/log';
import { parseOrigin, tilePath, tilesOf } from '@bulla/crypto/log';
import { bullaError } from '../../connection/errors.js';
import type { Session } from '../../connection/session.js';
import type { Service } from '../../connection/transport.js';
import type { UnreachedService } from '../audit-services.js';
import { auditServices, forEachService } from '../audit-services.js';
import type { BundleFolder } from './bundle-folder.js';
import type { BundleIndex } from './bundle-format.js';
import { documentFiles, encodeEvidence, evidencePath, INDEX_PATH, logPath } from './bundle-format.js';
import { readIndex } from './bundle-read.js';
import { LiveLog } from '../live-log.js';
import { newerErasure } from '../gone/newest-erasure.js';
import { seeLogs, sizeOf } from '../seen-heads.js';
import { witnessedFiles } from '../../witnesses/witnessed-log.js';

/** How far the copy of a log has come. */
export interface ExportProgress {
  readonly origin: string;
  /** Entries of this log that are in the folder. */
  readonly entries: number;
  readonly size: number;
}

/** A log that is in the folder now, up to the checkpoint that was the newest when it began. */
export interface ExportedLog {
  readonly origin: string;
  /** Folder of the log. */
  readonly path: string;
  readonly size: number;
  /** Files that were not there before. */
  readonly written: number;
}

export interface ExportedAudit {
  readonly logs: readonly ExportedLog[];
  /** Services that did not answer: what the folder has of their logs is what was there before. */
  readonly unreached: readonly UnreachedService[];
}

/** Tiles that are asked for at the same time. */
const AT_ONCE = 8;

/** Copies the logs of all services into a folder; what is there already stays (docs/spec/audit-log.md). */
export async function exportAudit(
  session: Session,
  folder: BundleFolder,
  onProgress: (progress: ExportProgress) => void = () => undefined,
): Promise<ExportedAudit> {
  const { keeper, now } = session;
  const trust = await keeper.refresh();
  const before = await readIndex(folder);
  // guard: audit-export-other
  if (before !== undefined && (before.org !== trust.org || before.pin !== trust.pin))
    throw bullaError('validation_failed', {
      message: `the folder holds logs of ${before.org} under another pin`,
      origin: 'client',
    });
  for (const [path, text] of documentFiles(trust)) await folder.write(path, utf8(text));
  const logs: ExportedLog[] = [];
  const entries: BundleIndex['logs'] = [];
  const unreached = await forEachService(session, trust, auditServices(session, trust), async (service) => {
    const copied = await copyService(session, service, folder, onProgress);
    logs.push(...copied);
    entries.push(...copied.map(({ path, origin }) => ({ path, origin, urn: service.urn })));
  });
  // What was copied before of a service that does not answer now is still there.
  for (const one of before?.logs ?? []) if (!entries.some(({ origin }) => origin === one.origin)) entries.push(one);
  const index: BundleIndex = { v: 1, org: trust.org, pin: trust.pin, made: timestampOf(now()), logs: entries };
  await folder.write(INDEX_PATH, utf8(`${JSON.stringify(index, null, 2)}\n`));
  return { logs, unreached };
}

/** As often the logs of a service are copied further where evidence was erased while they were copied. */
const COPIED_AGAIN_MAX = 2;

async function copyService(
  session: Session,
  service: Service,
  folder: BundleFolder,
  onProgress: (progress: ExportProgress) => void,
): Promise<ExportedLog[]> {
  for (let again = 0; ; again++) {
    const copied: (ExportedLog & { readonly log: number; readonly absent: number })[] = [];
    for (const { log, origin, checkpoint, first, witnessed } of await seeLogs(session, service)) {
      if (checkpoint === null) continue;
      const shown = { log, origin, checkpoint, first, witnessed };
      copied.push({ ...(await copyLog(session, service, shown, folder, onProgress)), log });
    }
    const newest = copied.at(-1);
    const isMissing = copied.some(({ absent }) => absent > 0);
    // What says why it is not there may be signed only now.
    if (!isMissing || newest === undefined || again === COPIED_AGAIN_MAX) return copied.map(withoutNotes);
    // guard: audit-export-erased without: if (again > -1) return copied.map(withoutNotes);
    if (!(await newerErasure(session, service, newest))) return copied.map(withoutNotes);
  }
}

function withoutNotes({ origin, path, size, written }: ExportedLog): ExportedLog {
  return { origin, path, size, written };
}

interface LogToCopy {
  readonly log: number;
  readonly origin: string;
  readonly checkpoint: string;
  readonly first: number;
  readonly witnessed: readonly string[] | undefined;
}

/** The checkpoint comes after what it is about: with the one that was there, what was there goes on to be whole. */
async function copyLog(
  session: Session,
  service: Service,
  { log, origin, checkpoint, first, witnessed }: LogToCopy,
  folder: BundleFolder,
  onProgress: (progress: ExportProgress) => void,
): Promise<ExportedLog & { readonly absent: number }> {
  const path = logPath(parseOrigin(origin) ?? { urn: service.urn, number: log });
  const size = await sizeOf(checkpoint);
  const source = new LiveLog({ session, service, log, first, checkpoint });
  let [entries, written] = [0, 0];
  for (const tiles of batches(tilesOf(size))) {
    written += await sumOf(tiles.map((tile) => copyTile(source, folder, path, tile)));
    for (const { level, width } of tiles) if (level === 'entries') entries += width;
    onProgress({ origin, entries, size });
  }
  await folder.write(`${path}/checkpoint`, utf8(checkpoint));
  // What a witness saw is never newer than the checkpoint, cut or not.
  for (const [file, note] of witnessedFiles(witnessed)) await folder.write(`${path}/${file}`, note);
  return { origin, path, size, written, absent: source.absent };
}

/** Waits for all, so that nothing is written any more once one has failed. */
async function sumOf(counts: readonly Promise<number>[]): Promise<number> {
  await Promise.allSettled(counts);
  return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
}

/** @returns how many files it wrote of the log itself: one, or none where it was there */
async function copyTile(source: LiveLog, folder: BundleFolder, path: string, tile: Tile): Promise<0 | 1> {
  const file = tilePath(tile);
  if (await folder.has(`${path}/${file}`)) return 0;
  const bytes = await source.read(file);
  // What the service does not have, verifying names.
  if (bytes === undefined) return 0;
  if (tile.level === 'entries') {
    const evidence = await source.evidence(tile.index);
    if (evidence.size > 0) await folder.write(`${path}/${evidencePath(tile.index)}`, encodeEvidence(evidence));
  }
  await folder.write(`${path}/${file}`, bytes);
  return 1;
}

function* batches(tiles: Iterable<Tile>): Generator<Tile[]> {
  let batch: Tile[] = [];
  for (const tile of tiles) {
    batch.push(tile);
    if (batch.length < AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
