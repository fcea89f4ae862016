import {
  DOCUMENT_TAKEN_SECONDS,
  parseDirectory,
  parsePolicy,
  parseRoot,
  requireSeconds,
  ROOT_TAKEN_SECONDS,
  secondsOf,
  SKEW_SECONDS,
  timestampOf,
} from '@bulla/crypto';
import { BullaError } from '../../connection/errors.js';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import { versionName } from './replaced-documents.js';
import { seenAtHome } from './seen-documents.js';
import type { AsideReason } from '../home/set-aside.js';
import { setAside } from '../home/set-aside.js';

/** A document in a folder: its number, and until when nobody takes it. */
interface Dated {
  readonly version: number;
  readonly issued: string;
  /** Of a policy or directory. */
  readonly root_version?: number;
}

/** Whether nobody takes a document now, and why. */
type Judge = (document: Dated) => 'from-the-future' | 'too-late' | undefined;

/**
 * Puts out of the way what was signed in this folder and never published, and what nobody takes now: what was signed while
 * the clock was ahead, before its day; what was signed too long ago, ever (docs/spec/root.md). What stood before it stands again, and whatever is due is signed anew on that. Keys have no date of
 * their own and stay: the next directory lists them.
 * @param now seconds.
 * @returns one line for each document, with the name under which it is kept.
 * @throws {HomeError} where nothing stands before it: the organisation was made with that clock
 * @throws {BullaError} clock_skew (check `published-ahead`) where it was published: then it stands until its day has come
 */
export async function setFutureAside(home: Home, org: string, now: number): Promise<readonly string[]> {
  requireSeconds(now);
  const folder = `org/${org}`;
  const published = (await seenAtHome(home, org))?.documents;
  const lines: string[] = [];
  const judge: Judge = ({ issued, root_version: root }) => {
    const at = secondsOf(issued);
    if (at > now + SKEW_SECONDS) return 'from-the-future';
    // An organisation that no vault has yet is taken whenever.
    if (published === undefined) return undefined;
    const isUnderOwn = root === undefined || root > published.roots.length;
    const taken = isUnderOwn ? ROOT_TAKEN_SECONDS : DOCUMENT_TAKEN_SECONDS;
    return now > at + taken ? 'too-late' : undefined;
  };
  // The directory first: it names the others.
  for (const kind of ['directory', 'policy'] as const) {
    const name = `${folder}/${kind}.json`;
    for (;;) {
      const stored = await home.read(name);
      if (stored === undefined) break;
      const payload = await read(kind, stored);
      const why = judge(payload);
      const newest = published === undefined ? 0 : (await read(kind, published[kind])).version;
      // guard: home-late-published
      if (why === undefined || (why === 'too-late' && payload.version <= newest)) break;
      // guard: published-ahead
      if (stored === published?.[kind]) throw publishedAhead(kind, payload, now);
      const before = (await home.read(versionName(folder, kind, payload.version - 1))) ?? published?.[kind];
      if (before === undefined) throw madeAhead(home, name, payload);
      lines.push(lineOf(kind, payload, why, await setAside(home, name, why)));
      await home.write(name, before);
    }
  }
  lines.push(...(await rootsAside(home, folder, published?.roots ?? [], judge)));
  return lines;
}

/** The newest first: each counts with all before it. */
async function rootsAside(home: Home, folder: string, published: readonly string[], judge: Judge): Promise<string[]> {
  const chain: { name: string; token: string }[] = [];
  for (let version = 2; ; version++) {
    const name = `${folder}/root.${version}.json`;
    const token = await home.read(name);
    if (token === undefined) break;
    chain.push({ name, token });
  }
  const lines: string[] = [];
  for (const { name, token } of chain.toReversed()) {
    const { payload } = await parseRoot(token);
    const why = judge(payload);
    if (published.includes(token) || why === undefined) break;
    lines.push(lineOf('root', payload, why, await setAside(home, name, why)));
  }
  return lines;
}

async function read(kind: 'policy' | 'directory', token: string): Promise<Dated> {
  return (await (kind === 'policy' ? parsePolicy(token) : parseDirectory(token))).payload;
}

function lineOf(kind: string, { version, issued }: Dated, why: AsideReason, aside: string | undefined): string {
  const how = why === 'too-late' ? 'too long ago' : 'while the clock of this machine was ahead';
  return `${kind} version ${version} was signed for ${issued}, ${how}, and was never published: kept as ${aside ?? ''}`;
}

function publishedAhead(kind: string, { version, issued }: Dated, now: number): BullaError {
  return new BullaError('clock_skew', {
    message: `${kind} version ${version} was published for ${issued}, and the clock of this machine says ${timestampOf(now)}`,
    origin: 'client',
    check: 'published-ahead',
  });
}

function madeAhead(home: Home, name: string, { issued }: Dated): HomeError {
  return new HomeError(
    `${home.path(name)} was signed for ${issued}, and nothing stands before it: the organisation was made while the clock of this machine was ahead; set BULLA_HOME to another folder and make it anew`,
  );
}
