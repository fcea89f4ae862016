import type { ListedEntry } from '@bulla/client';
import type { AuditSource } from './audit-source.js';
import { idsIn } from './audit-source.js';

/** Acts whose entries belong to one run: permission, question and answer. */
const OF_RUNS: ReadonlySet<string> = new Set(['envelope.issue', 'invocation.run', 'invocation.finish']);
/** A permission leads to its question, a question to its answer, and back. */
const LINKS = /^(env|inv)_/;

/** Every entry that names an id, with those that belong to the same runs; oldest first. */
export async function joinedEntries(source: AuditSource, id: string): Promise<ListedEntry[]> {
  const known = new Set<string>();
  const found = new Map<string, ListedEntry>();
  for (let next = new Set([id]); next.size > 0; ) {
    for (const one of next) known.add(one);
    const entries = await source.naming(next);
    for (const entry of entries) found.set(`${entry.service} ${entry.log} ${entry.index}`, entry);
    next = new Set(entries.flatMap(linksOf).filter((link) => !known.has(link)));
  }
  return [...found.values()].toSorted(byTime);
}

function linksOf(entry: ListedEntry): string[] {
  return OF_RUNS.has(entry.entry?.act ?? '') ? idsIn(entry).filter((id) => LINKS.test(id)) : [];
}

function byTime(left: ListedEntry, right: ListedEntry): number {
  if (left.at !== right.at) return left.at < right.at ? -1 : 1;
  return left.index - right.index;
}
