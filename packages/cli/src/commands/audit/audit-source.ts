import type { AuditFilter, Bulla, ListedEntry } from '@bulla/client';
import { isChainGood, verifyBundle } from '@bulla/client';
import { AuditFolder } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import type { Context } from '../../context.js';
import { entriesText, requireGoodLogs } from '../../output/audit-verdict.js';
import { UsageError } from '../../input/usage-error.js';
import { pinFor } from '../../input/pins.js';

/** Which entries of which services; those of all where nothing is said. */
export interface EntryChoice extends Omit<AuditFilter, 'actor'> {
  readonly actors?: readonly string[] | undefined;
  /** URNs; all that there are unless given. */
  readonly services?: readonly string[] | undefined;
}

/** Where entries are read from: the services, or a folder of exported logs, which is verified each time. */
export interface AuditSource {
  readonly bulla: Bulla | undefined;
  /** Whether what it gives was verified; else it is the word of the services. */
  readonly isVerified: boolean;
  /** The newest documents at hand. */
  readonly trust: () => Promise<Trust>;
  readonly services: () => Promise<readonly string[]>;
  /** The newest that fit, newest first. */
  readonly newest: (choice: EntryChoice, most: number) => Promise<readonly ListedEntry[]>;
  /** Every entry that names one of these ids, oldest first. */
  readonly naming: (ids: ReadonlySet<string>) => Promise<readonly ListedEntry[]>;
}

/** The services of the profile, or a folder where one is named. */
export async function auditSource(
  context: Context,
  { bundle, pin }: { readonly bundle?: string | undefined; readonly pin?: string | undefined },
): Promise<AuditSource> {
  if (bundle === undefined) {
    if (pin !== undefined) throw new UsageError('--pin is for --bundle', 'a profile has its own pin');
    return liveSource(await context.connect());
  }
  return bundleSource(context, bundle, pin);
}

function liveSource(bulla: Bulla): AuditSource {
  return {
    bulla,
    isVerified: false,
    trust: () => bulla.trust(),
    services: () => bulla.audit.services(),
    newest: async (choice, most) => {
      const found: ListedEntry[] = [];
      const services = choice.services ?? (await bulla.audit.services());
      for await (const entry of bulla.audit.list({ ...choice, services, pageSize: most })) {
        if (found.length === most) break;
        found.push(entry);
      }
      return found;
    },
    naming: async (ids) => {
      const found: ListedEntry[] = [];
      const services = await bulla.audit.services();
      for (const object of ids)
        for await (const entry of bulla.audit.list({ services, object, order: 'oldest-first' })) found.push(entry);
      return found;
    },
  };
}

function bundleSource(context: Context, path: string, pin: string | undefined): AuditSource {
  const folder = new AuditFolder(path);
  let trust: Trust | undefined;
  const services = new Set<string>();
  const read = async (onEntry: (entry: ListedEntry) => void): Promise<void> => {
    const verdict = await context.out.during('verifying the logs', verifyFolder(context, folder, pin, onEntry));
    const broken = verdict.logs.filter((log) => !isChainGood(log));
    // guard: cli-bundle-verified
    requireGoodLogs(broken, `; see: bulla audit verify ${path}`);
    const misfits = verdict.logs.reduce((sum, log) => sum + log.misfits.length, 0);
    if (misfits > 0)
      context.out.talk(`– ${entriesText(misfits)} that nobody is shown to have asked for: bulla audit verify ${path}`);
    trust = verdict.trust;
    for (const { urn } of verdict.logs) services.add(urn);
  };
  const opened = async () => {
    if (trust === undefined) await read(() => undefined);
  };
  return {
    bulla: undefined,
    isVerified: true,
    trust: async () => {
      await opened();
      if (trust === undefined) throw new Error('the folder was not read');
      return trust;
    },
    services: async () => {
      await opened();
      return [...services];
    },
    newest: async (choice, most) => {
      const found = new Map<string, ListedEntry[]>();
      await read((entry) => {
        if (!fits(entry, choice)) return;
        const key = `${entry.service} ${entry.log}`;
        const own = found.get(key) ?? [];
        own.push(entry);
        // No more is held than is shown.
        if (own.length > most) own.shift();
        found.set(key, own);
      });
      return [...found.values()].flat().toSorted(byTime).toReversed().slice(0, most);
    },
    naming: async (ids) => {
      const found: ListedEntry[] = [];
      await read((entry) => {
        if (idsIn(entry).some((id) => ids.has(id))) found.push(entry);
      });
      return found.toSorted(byTime);
    },
  };
}

/** Verifies a folder by the pin that is given or that of the profile, and against what this machine remembers under it. */
export async function verifyFolder(
  context: Context,
  folder: AuditFolder,
  given: string | undefined,
  onEntry?: (entry: ListedEntry) => void,
): ReturnType<typeof verifyBundle> {
  const { pin, store } = await pinFor(context, given, 'bulla audit verify FOLDER --pin sha256:…');
  return verifyBundle(folder, { pin, now: context.now(), store, onEntry });
}

/** Every id that an entry names, its own too. */
export function idsIn({ entry }: ListedEntry): string[] {
  if (entry === undefined) return [];
  const named = Object.values(entry.obj as Readonly<Record<string, unknown>>);
  return [entry.id, ...named.filter((value): value is string => typeof value === 'string' && ID.test(value))];
}

const ID = /^[a-z]{3}_[0-9a-z]{26}$/;

function fits(listed: ListedEntry, { services, actors, act, object, result, since, until }: EntryChoice): boolean {
  const { entry, service, at } = listed;
  if (entry === undefined) return false;
  const kid = 'who' in entry && 'kid' in entry.who ? entry.who.kid : undefined;
  return (
    (services?.includes(service) ?? true) &&
    (actors === undefined || (kid !== undefined && actors.includes(kid))) &&
    (act === undefined || entry.act === act) &&
    (result === undefined || entry.res === result) &&
    (object === undefined || idsIn(listed).includes(object)) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until)
  );
}

function byTime(left: ListedEntry, right: ListedEntry): number {
  if (left.at !== right.at) return left.at < right.at ? -1 : 1;
  return left.index - right.index;
}
