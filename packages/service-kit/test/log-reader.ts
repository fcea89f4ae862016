import type { AuditBundle, AuditCheckpoints, AuditTile } from '@bulla/contract';
import { decodeBase64url, utf8 } from '@bulla/crypto';
import type { NoteKey, ReadLogFile, TreeHead } from '@bulla/crypto/log';
import { encodeEntryBundle, noteKeyOf, parseTilePath, verifyLog } from '@bulla/crypto/log';

/** Who may read the log of a service. */
export interface LogReader {
  get(path: string): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** Which log, and what is known of it. */
export interface KnownLog {
  /** The newest unless given. */
  readonly log?: number | undefined;
  /** Heads of it that were seen before: it has to begin with each of them. */
  readonly kept?: readonly TreeHead[] | undefined;
  /** Whether entries may be gone, their hashes not. */
  readonly isPruned?: boolean | undefined;
}

/** A log as its readers see it, in the layout of C2SP tlog-tiles. */
export function readLog(client: LogReader, log?: number): ReadLogFile {
  const query = (width: number) => `?width=${width}${log === undefined ? '' : `&log=${log}`}`;
  return async (path) => {
    if (path === 'checkpoint') {
      const { data } = await bodyOf<AuditCheckpoints>(client, '/api/v1/audit/checkpoint');
      const note = data.findLast((one) => log === undefined || one.log === log)?.checkpoint;
      return note === undefined || note === null ? undefined : utf8(note);
    }
    const { level, index, width } = parseTilePath(path);
    if (level === 'entries') {
      const bundle = await findBody<AuditBundle>(client, `/api/v1/audit/bundles/${index}${query(width)}`);
      return bundle === undefined ? undefined : encodeEntryBundle(bundle.data.map(({ leaf }) => utf8(leaf)));
    }
    const tile = await findBody<AuditTile>(client, `/api/v1/audit/tile/${level}/${index}${query(width)}`);
    return tile === undefined ? undefined : decodeBase64url(tile.hashes);
  };
}

/** Verifies a log as an auditor would. @returns its entries, parsed, its size and root, and how many are gone */
export async function verifiedLog(
  client: LogReader,
  key: NoteKey,
  { log, kept = [], isPruned = false }: KnownLog = {},
) {
  const entries: Record<string, unknown>[] = [];
  let absent = 0;
  const { checkpoint } = await verifyLog({
    read: remembered(readLog(client, log)),
    trust: { origin: key.name, keys: [key] },
    kept,
    onEntry: (_index, bytes) => void entries.push(JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>),
    ...(isPruned && { onAbsent: ({ first, last }) => void (absent += last - first + 1) }),
  });
  return { entries, checkpoint, absent };
}

export { noteKeyOf };

/** Reads each file once: what is proved from it is held against the checkpoint, so that it may be as old as that. */
function remembered(read: ReadLogFile): ReadLogFile {
  const files = new Map<string, ReturnType<ReadLogFile>>();
  return (path) => {
    const file = files.get(path) ?? read(path);
    files.set(path, file);
    return file;
  };
}

async function bodyOf<Body>(client: LogReader, path: string): Promise<Body> {
  const body = await findBody<Body>(client, path);
  if (body === undefined) throw new Error(`there is no ${path}`);
  return body;
}

async function findBody<Body>(client: LogReader, path: string): Promise<Body | undefined> {
  const { status, body } = await client.get(path);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return body as Body;
}
