import type { Bulla, ListedEntry } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { entryAsJson, entryRow, SERVICES_WORD } from '../../output/audit-words.js';
import type { EntryChoice } from './audit-source.js';
import { auditSource } from './audit-source.js';
import type { ChoiceOptions } from './audit-list.js';
import { beholderOf, choiceOf, withChoice } from './audit-list.js';

interface TailOptions extends ChoiceOptions {
  readonly json?: boolean;
}

/** How often the services are asked: an entry is in the log about a second after the act. */
const POLL_MS = 2_000;
/** Entries that are shown before the first new one. */
const BEFORE = 10;

/** `bulla audit tail` */
export function addTailCommand(audit: Command, context: Context): void {
  withChoice(audit.command('tail').description('the newest entries, and each one that comes, until it is stopped'))
    .option('--json', 'print each entry as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ bulla audit tail
  $ bulla audit tail --all-services --result denied
  $ bulla audit tail --act invocation.run --responder local --json`,
    )
    .action((options: TailOptions) => tail(context, options));
}

async function tail(context: Context, options: TailOptions): Promise<void> {
  const { out, io } = context;
  const source = await auditSource(context, {});
  const bulla = await context.connect();
  const choice = await choiceOf(context, source, options);
  const beholder = await beholderOf(context, source);
  const show = (entry: ListedEntry) => {
    if (options.json === true) out.jsonLine(entryAsJson(entry, source.isVerified));
    else out.line(entryRow(entry, beholder).join('  '));
  };
  if (options.json !== true) out.talk(SERVICES_WORD);
  const places = new Map<string, Place>();
  for (const urn of choice.services ?? []) places.set(urn, await endOf(bulla, urn));
  for (const entry of (await source.newest(choice, BEFORE)).toReversed()) if (!isAfter(entry, places)) show(entry);
  while (!io.signal.aborted) {
    for (const entry of await newEntries(bulla, choice, places)) show(entry);
    await pause(POLL_MS, io.signal);
  }
}

/** Where in the logs of a service the next entry will be. */
interface Place {
  readonly log: number;
  readonly next: number;
}

async function endOf(bulla: Bulla, service: string): Promise<Place> {
  for await (const { log, index } of bulla.audit.list({ services: [service], pageSize: 1 }))
    return { log, next: index + 1 };
  return { log: 1, next: 0 };
}

function isAfter({ service, log, index }: ListedEntry, places: ReadonlyMap<string, Place>): boolean {
  const place = places.get(service);
  return place !== undefined && (log > place.log || (log === place.log && index >= place.next));
}

/** What came since the last time, by time; each place is moved behind it. */
async function newEntries(bulla: Bulla, choice: EntryChoice, places: Map<string, Place>): Promise<ListedEntry[]> {
  const found: ListedEntry[] = [];
  const { services: _, actors, ...filter } = choice;
  for (const [service, place] of places) {
    const log = await bulla.audit.newestLog(service);
    if (log === undefined) continue;
    const start = log === place.log ? place.next : 0;
    let next = start;
    for (const actor of actors ?? [undefined]) {
      for await (const entry of bulla.audit.from(start, { service, log }, { ...filter, actor })) {
        found.push(entry);
        next = Math.max(next, entry.index + 1);
      }
    }
    places.set(service, { log, next });
  }
  return found.toSorted((left, right) => (left.at < right.at ? -1 : 1));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
