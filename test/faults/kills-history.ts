import { readFile } from 'node:fs/promises';

/** What a version says, and the hash of the bytes that the vault keeps of it. */
export interface StoredText {
  readonly text: string;
  readonly chash: string;
}

/** What a client writes down, each line on the disk before it goes on. */
export type HistoryLine =
  /** The vault has said that it has this version. */
  | ({ readonly op: 'acknowledged'; readonly name: string; readonly version: number } & StoredText)
  /** A run is about to be asked for; its marker goes to the model as a variable. */
  | { readonly op: 'asked'; readonly marker: string }
  | { readonly op: 'answered'; readonly marker: string; readonly text: string }
  | { readonly op: 'refused'; readonly marker: string; readonly code: string; readonly why?: string }
  /** A try to write ended otherwise; the client goes on trying. */
  | { readonly op: 'tried'; readonly code: string };

/** One completion as the model's own meter has it. */
export interface Completion {
  readonly marker: string;
  /** The question it was made for. */
  readonly jti: string;
  readonly started: number;
}

/** What the histories are held against. */
export interface Evidence {
  readonly completions: readonly Completion[];
  /** What every answer says. */
  readonly answer: string;
  /** A version as its author reads it now; undefined if it is not there. */
  readonly read: (name: string, version: number) => Promise<StoredText | undefined>;
}

/** What a service that is killed and comes back may tell a writer; everything else is a fault of ours. */
const PASSING: ReadonlySet<string> = new Set(['transport_failed', 'overloaded', 'indeterminate', 'rate_limited']);

/** While one version is on its way, others are opened. */
const READS_AT_ONCE = 8;

export async function readHistory(file: string): Promise<HistoryLine[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryLine);
}

/**
 * Everything in the histories that must not be: a lost or changed version, two completions of one question or of one
 * intention, an answer that no completion stands behind, a run that called the model and ended as anything but an
 * answer or `indeterminate`, a run without an end, a refusal that nobody can explain.
 */
export async function findFaults(lines: readonly HistoryLine[], evidence: Evidence): Promise<string[]> {
  return [...(await lostVersions(lines, evidence)), ...doubledCompletions(evidence), ...wrongEnds(lines, evidence)];
}

async function lostVersions(lines: readonly HistoryLine[], { read }: Evidence): Promise<string[]> {
  const faults: string[] = [];
  const texts = new Map<string, string>();
  const acknowledged = lines.filter((line) => line.op === 'acknowledged');
  for (let at = 0; at < acknowledged.length; at += READS_AT_ONCE) {
    const some = acknowledged.slice(at, at + READS_AT_ONCE);
    const kept = await Promise.all(some.map(({ name, version }) => read(name, version)));
    for (const [index, { name, version, text, chash }] of some.entries()) {
      const place = `${name} v${version}`;
      const other = texts.get(place);
      if (other !== undefined && other !== text) faults.push(`${place} was acknowledged for two texts`);
      texts.set(place, text);
      const stored = kept[index];
      if (stored === undefined) faults.push(`${place} was acknowledged and is lost`);
      else if (stored.text !== text) faults.push(`${place} is not what was acknowledged`);
      else if (stored.chash !== chash) faults.push(`${place} is kept in other bytes`);
    }
  }
  return faults;
}

function doubledCompletions({ completions }: Evidence): string[] {
  const faults: string[] = [];
  const byMarker = new Map<string, string>();
  for (const { marker, jti, started } of completions) {
    if (started > 1) faults.push(`${jti} was completed ${started} times`);
    const other = byMarker.get(marker);
    if (other !== undefined && other !== jti) faults.push(`${marker} was completed for ${other} and for ${jti}`);
    byMarker.set(marker, jti);
  }
  return faults;
}

function wrongEnds(lines: readonly HistoryLine[], { completions, answer }: Evidence): string[] {
  const faults: string[] = [];
  const called = new Set(completions.map(({ marker }) => marker));
  const ended = new Set<string>();
  for (const line of lines) {
    if (line.op === 'tried' && !PASSING.has(line.code)) faults.push(`a writer was told ${line.code}`);
    if (line.op !== 'answered' && line.op !== 'refused') continue;
    if (ended.has(line.marker)) faults.push(`${line.marker} ended twice`);
    ended.add(line.marker);
    if (line.op === 'answered') {
      if (!called.has(line.marker)) faults.push(`${line.marker} was answered by nobody`);
      if (line.text !== answer) faults.push(`${line.marker} was not answered as the model did`);
    } else if (called.has(line.marker) && line.code !== 'indeterminate') {
      faults.push(`${line.marker} called the model and ended as ${line.code}`);
    } else if (!PASSING.has(line.code)) faults.push(`${line.marker} was told ${line.code}`);
  }
  for (const line of lines) {
    if (line.op === 'asked' && !ended.has(line.marker)) faults.push(`${line.marker} has no end`);
  }
  return faults;
}

/** How much there was to lose, and how much was met. */
export interface Work {
  readonly versions: number;
  readonly answers: number;
  /** Runs that had called the model and ended as `indeterminate`. */
  readonly cutShort: number;
}

export function workOf(lines: readonly HistoryLine[], completions: readonly Completion[]): Work {
  const called = new Set(completions.map(({ marker }) => marker));
  return {
    versions: lines.filter(({ op }) => op === 'acknowledged').length,
    answers: lines.filter(({ op }) => op === 'answered').length,
    cutShort: lines.filter((line) => line.op === 'refused' && line.code === 'indeterminate' && called.has(line.marker))
      .length,
  };
}
