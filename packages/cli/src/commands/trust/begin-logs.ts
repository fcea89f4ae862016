import type { Bulla, HeardLogs, NoteAtHand } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { LoggingService } from '@bulla/client/node';
import { LOGGING_SERVICES, newestLogKey, readKeyFile, RESPONDER_KEYS, VAULT_KEYS } from '@bulla/client/node';
import { parseUrn } from '@bulla/crypto';
import type { Context } from '../../context.js';
import { readText } from '../../input/files.js';
import { UsageError } from '../../input/usage-error.js';

const KEYS = { vault: VAULT_KEYS, responder: RESPONDER_KEYS } as const;

/** The highest number of a log that each service, witnesses and answers speak of. */
export type HeardNumbers = Readonly<Partial<Record<LoggingService, number>>>;

export interface BeginOptions {
  /** Files with the states of witnesses. */
  readonly witness?: readonly string[];
  readonly yes?: boolean;
}

/**
 * Before the next logs begin: asks the services which logs they have, and holds that against what answers brought here and
 * what witnesses keep. Says what it did not hear, and asks a person where notes contradict each other or no witness holds
 * the newest.
 * @throws {UsageError} if nobody agrees: nothing was made then
 */
export async function askLogs(context: Context, { witness = [], yes = false }: BeginOptions): Promise<HeardNumbers> {
  const { out, asker, io } = context;
  const files = await Promise.all(witness.map(async (path) => ({ path, text: await readText(io, path) })));
  const own = await context.home.read('witness.json');
  const states = [...files, ...(own === undefined ? [] : [{ path: context.home.path('witness.json'), text: own }])];
  const heard = await hearAll(context, states);
  for (const line of unheardLines(heard)) out.must(`note: did not hear ${line}`);
  const doubts = heard.services.flatMap((one) => one.doubts);
  for (const { text } of doubts) out.must(`note: ${text}`);
  // guard: begin-logs-asks
  if (doubts.length > 0 && !yes && !(await asker.agrees('Begin the next logs all the same?', 'say so with --yes')))
    throw new UsageError('no log begins: nothing was made');
  return numbersOf(heard.services);
}

/** The same numbers, without a question, where a key file here is from before logs had keys of their own. */
export async function shownLogs(context: Context): Promise<HeardNumbers> {
  for (const who of LOGGING_SERVICES) {
    const file = await readKeyFile(context.home, KEYS[who]);
    if (file !== undefined && newestLogKey(file) === undefined) return numbersOf((await hearAll(context, [])).services);
  }
  return {};
}

interface State {
  readonly path: string;
  readonly text: string;
}

interface Heard {
  readonly services: readonly HeardLogs[];
  /** Names of witnesses that the policy names and that did not say what they hold. */
  readonly witnesses: readonly string[];
}

async function hearAll(context: Context, states: readonly State[]): Promise<Heard> {
  try {
    return await hearFrom(await context.connect(), states);
  } catch (error) {
    if (!(error instanceof BullaError)) throw error;
    const { urn } = await context.identity();
    const org = parseUrn(urn)?.org ?? '';
    const silent = { highest: 0, doubts: [], answered: false };
    return { services: [{ service: `urn:bulla:${org}:svc:vault`, ...silent }], witnesses: [] };
  }
}

async function hearFrom(bulla: Bulla, states: readonly State[]): Promise<Heard> {
  const named = (await bulla.trust()).policy.witnesses?.keys ?? [];
  const given = states.map(({ path, text }) => stateOf(path, text));
  const notes = given.flatMap(({ key, all }): NoteAtHand[] =>
    all.map((note) => ({ note, isWitnessed: named.includes(key) })),
  );
  const services: HeardLogs[] = [];
  for (const urn of await bulla.audit.services()) services.push(await bulla.audit.hear(notes, urn));
  const silent = named.filter((key) => !given.some((one) => one.key === key));
  return { services, witnesses: silent.map((key) => key.split('+')[0] ?? key) };
}

/** The notes in the state of a witness, and whose it is. @throws {UsageError} */
function stateOf(path: string, text: string): { readonly key: string; readonly all: readonly string[] } {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch {
    state = undefined;
  }
  const { key } = Object(state) as { key?: unknown };
  if (typeof key !== 'string') throw new UsageError(`${path} is not the state of a witness`, 'it is its witness.json');
  return { key, all: textsIn(state).filter((one) => one.includes('\n\n\u2014 ')) };
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function unheardLines({ services, witnesses }: Heard): string[] {
  const silent = services.filter(({ answered }) => !answered).map(({ service }) => `${service}: which logs it has`);
  return [...silent, ...witnesses.map((name) => `${name}: what it holds (--witness FILE, its witness.json)`)];
}

function numbersOf(services: readonly HeardLogs[]): HeardNumbers {
  const numbers: Partial<Record<LoggingService, number>> = {};
  for (const { service, highest } of services) {
    const who = parseUrn(service)?.id === 'vault' ? 'vault' : 'responder';
    numbers[who] = Math.max(numbers[who] ?? 0, highest);
  }
  return numbers;
}
