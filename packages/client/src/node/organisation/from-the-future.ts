import {
  parseDirectory,
  parsePolicy,
  parseRoot,
  requireSeconds,
  secondsOf,
  SKEW_SECONDS,
  timestampOf,
} from '@bulla/crypto';
import { BullaError } from '../../connection/errors.js';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import { versionName } from './replaced-documents.js';
import { seenAtHome } from './seen-documents.js';
import { setAside } from '../home/set-aside.js';

/** A document in a folder: its number, and until when nobody takes it. */
interface Dated {
  readonly version: number;
  readonly issued: string;
}

/**
 * Puts out of the way what was signed in this folder while the clock was ahead, and never published: nobody takes it
 * before its day. What stood before it stands again, and whatever is due is signed anew on that. Keys have no date of
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
  const isFuture = ({ issued }: Dated) => secondsOf(issued) > now + SKEW_SECONDS;
  // The directory first: it names the others.
  for (const kind of ['directory', 'policy'] as const) {
    const name = `${folder}/${kind}.json`;
    for (;;) {
      const stored = await home.read(name);
      if (stored === undefined) break;
      const { payload } = await (kind === 'policy' ? parsePolicy(stored) : parseDirectory(stored));
      if (!isFuture(payload)) break;
      // guard: published-ahead
      if (stored === published?.[kind]) throw publishedAhead(kind, payload, now);
      const before = (await home.read(versionName(folder, kind, payload.version - 1))) ?? published?.[kind];
      if (before === undefined) throw madeAhead(home, name, payload);
      lines.push(lineOf(kind, payload, await setAside(home, name, 'from-the-future')));
      await home.write(name, before);
    }
  }
  lines.push(...(await rootsAside(home, folder, published?.roots ?? [], isFuture)));
  return lines;
}

/** The newest first: each counts with all before it. */
async function rootsAside(
  home: Home,
  folder: string,
  published: readonly string[],
  isFuture: (document: Dated) => boolean,
): Promise<string[]> {
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
    if (published.includes(token) || !isFuture(payload)) break;
    lines.push(lineOf('root', payload, await setAside(home, name, 'from-the-future')));
  }
  return lines;
}

function lineOf(kind: string, { version, issued }: Dated, aside: string | undefined): string {
  return `${kind} version ${version} was signed for ${issued}, while the clock of this machine was ahead, and was never published: kept as ${aside ?? ''}`;
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
