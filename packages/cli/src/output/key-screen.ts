import type { ServiceKey, StandingKeys } from '@bulla/client';
import { counted } from './output.js';

type RootKey = StandingKeys['root'][number];
type Kek = StandingKeys['kek'][number];
type Job = StandingKeys['jobs'][number];

const BAR = 20;
const DAY_SECONDS = 86_400;
/** What a person is told of the troubles of a job. */
const TROUBLES: Readonly<Record<NonNullable<Job['trouble']>, string>> = {
  processes_without_key: 'waits: not every process of the vault holds the new key yet',
  sealed: 'waits: the root key is sealed; run bulla unseal',
  overloaded: 'waits: the root key cannot be reached',
  internal: 'waits: something does not open; the log of the vault says which prompt (data-key-unopened)',
};
/** What renews a key of a service: people look at it, so it has commands of its own. */
const RENEWED_BY: Readonly<Record<string, string>> = {
  vault: 'bulla keys rotate vault',
  responder: 'bulla keys rotate responder',
  device: 'bulla keys rotate renewer',
};

/** Every key of an organisation as rows under a head: what it is, its state, age, how much is under it, what comes next. */
export function keyRows(
  { root, kek, in_tokens: inTokens }: StandingKeys,
  services: readonly ServiceKey[],
  now: number,
): readonly (readonly string[])[] {
  return [
    ['KEY', 'STATE', 'AGE', 'USE', 'NEXT'],
    ...root.map((key) => rootRow(key, now)),
    ...kek.map((key) => kekRow(key, now)),
    ...services.map((key) => serviceRow(key, inTokens, now)),
  ];
}

/** A job in a line: a bar, how much of how much, and why it does not go on. */
export function jobLine({ id, what, state, done, total, target, trouble }: Job): string {
  const of = total === 0 ? '' : `${bar(done, total)} ${done} of ${counted(total, what === 'kek' ? 'data key' : 'key')}`;
  const to = target === null ? '' : ` → ${target}`;
  const said = trouble === undefined ? state : TROUBLES[trouble];
  return [`${what}${to}`, of, said, id].filter((part) => part !== '').join('  ');
}

function bar(done: number, total: number): string {
  const full = Math.min(BAR, Math.floor((BAR * done) / total));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}

function rootRow(
  { kid, state, objects, processes, stand_in, created_at, activated_at }: RootKey,
  now: number,
): string[] {
  const use = `${counted(objects, 'object')}${standInOf({ stand_in })}`;
  return [kid, state, age(activated_at ?? created_at, now), use, rootNext({ state, objects, processes })];
}

function rootNext({ state, objects, processes }: Pick<RootKey, 'state' | 'objects' | 'processes'>): string {
  if (state === 'pre-active')
    return processes.without > 0
      ? `${counted(processes.without, 'process')} of the vault without it`
      : 'bulla keys rotate root --new …';
  if (state === 'active') return '';
  return objects > 0 ? 'needed until nothing is under it' : 'can be taken away, once no backup needs it';
}

function kekRow({ version, state, data_keys, uses, created_at, activated_at, due_at }: Kek, now: number): string[] {
  const use = state === 'destroyed' ? '' : `${counted(data_keys, 'data key')}, ${counted(uses, 'use')}`;
  const next = { active: 'replaced on', deactivated: 'destroyed from', 'pre-active': '', destroyed: '' }[state];
  return [
    `kek ${version}`,
    state,
    age(activated_at ?? created_at, now),
    use,
    due_at === null || next === '' ? '' : `${next} ${due_at.slice(0, 10)}`,
  ];
}

function serviceRow(
  { urn, kid, use, purposes, suite, state, from, useUntil }: ServiceKey,
  inTokens: StandingKeys['in_tokens'],
  now: number,
): string[] {
  const [, , , kind = '', ...id] = urn.split(':');
  const ends = new Date(useUntil * 1_000).toISOString().slice(0, 10);
  const next = state === 'active' || state === 'pending' ? `until ${ends}: ${renewedBy(kind, id)}` : '';
  const token = inTokens.find((one) => one.kid === kid);
  const where = token === undefined ? suite : `${suite}, in a token${standInOf(token)}`;
  return [`${id.join(':')} ${use === 'enc' ? 'encryption' : purposes.join('+')}`, state, days(now - from), where, next];
}

function standInOf({ stand_in }: { readonly stand_in?: string | undefined }): string {
  return stand_in === undefined ? '' : `, stand-in: ${stand_in}`;
}

function renewedBy(kind: string, [service = '']: readonly string[]): string {
  return RENEWED_BY[kind === 'dev' ? 'device' : service] ?? 'bulla trust accept';
}

function age(moment: string, now: number): string {
  return days(now - Math.floor(Date.parse(moment) / 1_000));
}

function days(seconds: number): string {
  const whole = Math.floor(Math.max(seconds, 0) / DAY_SECONDS);
  return seconds < DAY_SECONDS ? 'today' : counted(whole, 'day');
}
