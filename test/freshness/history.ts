import {
  mintId,
  parseDirectoryFreshness,
  parseLabelFreshness,
  parseTag,
  positionHash,
  positionOf,
} from '@bulla/crypto';
import type { KnownDirectory, Word } from './directories.js';
import { freshSecondsOf, tagSecondsOf, thresholdOf } from './directories.js';
import type { LabelName, Setting } from './organisation.js';

/** One person's tag. */
export interface Vote {
  readonly order: number;
  readonly token: string;
  readonly kid: string;
  /** The person, not the device. */
  readonly user: string;
  /** Seconds. */
  readonly iat: number;
  readonly exp: number;
}

/** A position that somebody signed, on whatever branch. */
export interface KnownPosition {
  readonly label: LabelName;
  readonly seq: number;
  readonly pos: string;
  readonly sub: string;
  readonly version: number;
  readonly chash: string;
  readonly parent: KnownPosition | undefined;
  readonly order: number;
  readonly approval: string;
  readonly votes: Vote[];
  readonly words: Word[];
  /** Number of the record by which it came to stand; undefined where it only waits, or is on another branch. */
  stands: number | undefined;
}

/** Everything that was ever signed, in plain lists: what the vault may show, and what is true. */
export class History {
  readonly positions = new Map<string, KnownPosition>();
  /** What stood, oldest first. */
  readonly line: Record<LabelName, KnownPosition[]> = { production: [], latest: [] };
  readonly directories: KnownDirectory[];
  /** What is published and not on another branch, oldest first. */
  readonly published: KnownDirectory[];
  /** How much was recorded. */
  order = 0;
  readonly #setting: Setting;

  constructor(setting: Setting, first: KnownDirectory) {
    this.#setting = setting;
    this.directories = [first];
    this.published = [first];
  }

  get newestDirectory(): KnownDirectory {
    return this.published.at(-1) as KnownDirectory;
  }

  head(label: LabelName): KnownPosition | undefined {
    return this.line[label].at(-1);
  }

  publish(directory: KnownDirectory): void {
    this.order = directory.order;
    this.directories.push(directory);
    if (directory.parent === this.newestDirectory) this.published.push(directory);
  }

  /** Records a tag, with the position that it is for. */
  async vote(token: string): Promise<KnownPosition> {
    const { claims, header } = parseTag(token);
    const pos = await positionHash(positionOf(claims));
    this.order += 1;
    let position = this.positions.get(pos);
    if (position === undefined) {
      const { tag, seq, sub, ver: version, chash } = claims;
      const parent = this.positions.get(claims.prev);
      const known = { label: tag as LabelName, seq, pos, sub, version, chash, parent, order: this.order };
      position = { ...known, approval: mintId('apr'), votes: [], words: [], stands: undefined };
      this.positions.set(pos, position);
    }
    const { iss, iat, exp } = claims;
    position.votes.push({ order: this.order, token, kid: header.kid, user: this.#setting.userOf(iss), iat, exp });
    return position;
  }

  /** Records that a position is where its label stands now. */
  stand(position: KnownPosition): void {
    this.order += 1;
    position.stands = this.order;
    this.line[position.label].push(position);
  }

  /** Records what a renewer says of a position. */
  positionWord(token: string): KnownPosition | undefined {
    const { iss, iat, pos } = parseLabelFreshness(token).claims;
    const position = this.positions.get(pos);
    position?.words.push(this.#word(token, iss, iat));
    return position;
  }

  /** Records what a renewer says of a directory. */
  directoryWord(token: string): KnownDirectory | undefined {
    const { iss, iat, dir } = parseDirectoryFreshness(token).claims;
    const directory = this.directories.find(({ hash }) => hash === dir.hash);
    directory?.words.push(this.#word(token, iss, iat));
    return directory;
  }

  #word(token: string, renewer: string, iat: number): Word {
    this.order += 1;
    return { order: this.order, token, renewer, iat };
  }
}

/** The positions that led to one, oldest first, and itself. */
export function pathTo(position: KnownPosition): KnownPosition[] {
  return position.parent === undefined ? [position] : [...pathTo(position.parent), position];
}

/** Whether one is the other or comes after it. */
export function comesAfter<Node extends { readonly parent: Node | undefined }>(one: Node, before: Node): boolean {
  for (let at: Node | undefined = one; at !== undefined; at = at.parent) if (at === before) return true;
  return false;
}

/** How many people's tags count by a directory: those that are good, or were until they expired. */
export function peopleFor(
  { label, votes }: KnownPosition,
  directory: KnownDirectory,
  now: number,
  { expiredToo = false, within }: { readonly expiredToo?: boolean; readonly within?: number } = {},
): number {
  const life = Math.min(tagSecondsOf(directory, label), within ?? Number.MAX_SAFE_INTEGER);
  const counts = votes.filter(
    ({ kid, iat, exp }) => !directory.revoked.has(kid) && (expiredToo || now < Math.min(exp, iat + life)),
  );
  return new Set(counts.map(({ user }) => user)).size;
}

/** Whether enough people signed a position, by a directory. */
export function isSigned(
  position: KnownPosition,
  directory: KnownDirectory,
  now: number,
  options?: Parameters<typeof peopleFor>[3],
): boolean {
  return peopleFor(position, directory, now, options) >= thresholdOf(directory, position.label);
}

/** Whether enough people signed a position within the last days. */
export function isSignedLately(position: KnownPosition, directory: KnownDirectory, now: number): boolean {
  return isSigned(position, directory, now, { within: freshSecondsOf(directory) });
}
