import type { Home } from '@bulla/client/node';
import { HomeError } from '@bulla/client/node';
import { idOf } from './device-names.js';
import { UsageError } from '../input/usage-error.js';

/** What people are called here: a note of this user alone, which is never sent and that nothing is decided by. */
const FILE = 'people.json';
const LOCK = 'people.lock';
const LOCK_WAIT_MS = 10_000;
/** Letters, digits and what stands between them in names, so that no part of one can pass for anything else. */
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} .,'’_-]{0,62}[\p{L}\p{M}\p{N}.])?$/u;

/** Names of people by their URNs. */
export type PeopleNames = ReadonlyMap<string, string>;

/** @throws {HomeError} if the file cannot be used */
export async function readPeopleNames(home: Home): Promise<PeopleNames> {
  const text = await home.read(FILE);
  if (text === undefined) return new Map();
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(entries.map(([urn, name]) => [urn, requirePersonName(String(name))]));
  } catch {
    throw new HomeError(`${home.path(FILE)} cannot be read: it holds names by URN; mend it, or remove it`);
  }
}

/** Gives a person a name, or takes it away. */
export async function namePerson(home: Home, urn: string, name: string | undefined): Promise<void> {
  const release = await home.lock(LOCK, LOCK_WAIT_MS);
  try {
    const names = new Map(await readPeopleNames(home));
    if (name === undefined) names.delete(urn);
    else names.set(urn, name);
    await home.write(FILE, `${JSON.stringify(Object.fromEntries(names), null, 2)}\n`);
  } finally {
    await release();
  }
}

/** A person as they are printed: their id, and what they are called here. */
export function personShown(urn: string, names: PeopleNames): string {
  const name = names.get(urn);
  return name === undefined ? idOf(urn) : `${idOf(urn)} (${name})`;
}

/** @throws {UsageError} */
export function requirePersonName(text: string): string {
  if (NAME.test(text)) return text;
  throw new UsageError(
    'that is not the name of a person here: expected at most 64 letters, digits, spaces, dots, commas, apostrophes, hyphens and underscores',
  );
}
