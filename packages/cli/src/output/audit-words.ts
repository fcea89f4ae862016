import type { ListedEntry } from '@bulla/client';
import type { AuditLeaf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { counted } from './output.js';

/** By whose names entries are shown: the newest directory, and what people are called here. */
export interface AuditBeholder {
  readonly trust: Trust;
  readonly by: string | Beholder;
}

/** A service in few words: `vault`, `responder local`. */
export function serviceShown(urn: string): string {
  return shortName(urn, '');
}

/** Who asked for what an entry says. */
export function actorShown(entry: AuditLeaf, { trust, by }: AuditBeholder): string {
  if (!('who' in entry)) return counted(entry.obj.count, 'stranger');
  const { who } = entry;
  if (!('kid' in who)) return WHO[who.type];
  const holder = trust.holder(who.kid);
  if (holder !== undefined) return shortName(holder.urn, by);
  return who.type === 'enrolment' ? `newcomer ${fingerprint(who.kid)}` : `${who.type} of key ${fingerprint(who.kid)}`;
}

/** The holders of keys, each once. */
export function holdersShown(kids: readonly string[], { trust, by }: AuditBeholder): string {
  const names = kids.map((kid) => {
    const holder = trust.holder(kid);
    return holder === undefined ? `key ${fingerprint(kid)}` : shortName(holder.urn, by);
  });
  return [...new Set(names)].join(', ');
}

const WHO = {
  bootstrap: 'the bootstrap secret',
  documents: 'signed documents',
  service: 'the service',
} as const satisfies Record<string, string>;

/** How it ended: `ok`, or with which code it was refused. */
export function resultShown(entry: AuditLeaf): string {
  return 'why' in entry ? `${entry.res} ${entry.why}` : entry.res;
}

/** What it is about, fact by fact; hashes by their beginning. */
export function factsShown(entry: AuditLeaf): string {
  return Object.entries(entry.obj as Readonly<Record<string, unknown>>)
    .filter(([name]) => name !== 'to')
    .map(([name, value]) => factShown(name, value))
    .join(' ');
}

/** Facts whose name says nothing that the value does not. */
const BARE: ReadonlySet<string> = new Set(['prompt', 'envelope', 'invocation', 'approval', 'enrolment', 'invitation']);
const HASHES: ReadonlySet<string> = new Set(['chash', 'whash', 'fin', 'kid', 'pin', 'actor', 'root']);
const HASH_SHOWN = 12;

function factShown(name: string, value: unknown): string {
  const text = valueShown(value);
  if (BARE.has(name)) return text;
  if (name === 'version') return `v${text}`;
  if (name === 'label') return `@${text}`;
  if (name === 'responder') return serviceShown(text);
  return `${name}=${HASHES.has(name) ? `${text.slice(0, HASH_SHOWN)}…` : text}`;
}

/** A fact as it is: text, a number, or what belongs together as JSON. */
export function valueShown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A moment to the second, as tables show it. */
export function momentShown(at: string): string {
  return at.replace('T', ' ').replace(/\.\d+Z$/, '');
}

/**
 * An entry as programs get it: a line of NDJSON.
 * @param proved whether it was shown to be in a tree that the service signed; else it is the service's word.
 *   Not given for a file, which proves nothing to who reads it.
 */
export function entryAsJson({ service, log, index, at, leaf, entry }: ListedEntry, proved?: boolean): object {
  const own = { service, log, index, at, entry: entry ?? (JSON.parse(leaf) as unknown) };
  return proved === undefined ? own : { ...own, proved };
}

/** What people are told of entries that nothing was shown of. */
export const SERVICES_WORD = 'these entries are the word of the services: `bulla audit verify` verifies their logs';

/** An entry as a row of a table. */
export function entryRow(listed: ListedEntry, beholder: AuditBeholder): string[] {
  const { entry, service, index, at } = listed;
  const place = [momentShown(at), serviceShown(service), String(index)];
  if (entry === undefined) return [...place, 'of a newer version of Bulla', '', '', ''];
  return [...place, entry.act, actorShown(entry, beholder), resultShown(entry), factsShown(entry)];
}

export const ENTRY_HEAD = ['TIME (UTC)', 'SERVICE', 'INDEX', 'ACT', 'WHO', 'RESULT', 'WHAT'];
