import type { OpenedVersion, ProposedMove } from '@bulla/client';
import type { Beholder } from '../input/names.js';
import type { DiffLine } from './line-diff.js';
import { diffLines } from './line-diff.js';
import type { Part } from './output.js';
import { counted, styled } from './output.js';
import { rowsOf, textOf } from './statement-lines.js';
import { visibleLine } from './visible-text.js';

/** What a person is shown before they sign where a label points. */
export interface Screen {
  readonly lines: readonly (readonly Part[])[];
  /** Whether something of it was left out for length: `whole` shows it. */
  readonly isCut: boolean;
}

export interface ScreenOptions {
  /** As whom names are shown. */
  readonly self: string | Beholder;
  /** Everything, however long; also what did not change. */
  readonly whole: boolean;
}

/** Unchanged lines that are shown around a changed one. */
const CONTEXT = 3;
const LINES_MAX = 120;
/** Longest line in characters; so many lines of it are more than anybody reads before they ask for all. */
const LINE_MAX = 1_000;
/** From here on only the part of a changed line that differs is shown. */
const LONG_LINE = 200;
const AROUND = 40;

/** One line of the screen before it is cut: what is compared, and what is shown in its place. */
interface Row extends DiffLine {
  readonly note?: boolean;
}

/**
 * A move as a diff of everything that the version says to what the label shows now. Every character shows, also what
 * reorders text or cannot be seen; lines of the prompt's text begin with a bar.
 */
export function moveScreen(move: ProposedMove, { self, whole }: ScreenOptions): Screen {
  const { prompt, label, seq, target, present } = move;
  const from = present === undefined ? '' : `v${present.version} `;
  const head = (to: string): Part[] => [styled(prompt.name, 'strong'), `  ${label}: ${from}→ ${to}  (move ${seq})`];
  if (target === undefined) return { lines: [head('nowhere: the label is removed')], isCut: false };
  const isBack = present !== undefined && present.version > target.version;
  const heading = [head(`v${target.version}${isBack ? ', which is older' : ''}`), [legend(move)]];
  return comparison(heading, present?.opened, target, { self, whole });
}

/** Two versions of a prompt, in the form in which a move from one to the other is shown. */
export function comparisonScreen(
  name: string,
  before: OpenedVersion,
  after: OpenedVersion,
  options: ScreenOptions,
): Screen {
  const heading = [
    [styled(name, 'strong'), `  v${before.version} → v${after.version}`],
    [before.chash === after.chash ? styled('this is one version', 'faint') : marks(before.version, after.version)],
  ];
  return comparison(heading, before, after, options);
}

/** Below a heading what both versions say: rows of the old, of the new and of both, then the text. */
function comparison(
  heading: readonly (readonly Part[])[],
  before: OpenedVersion | undefined,
  after: OpenedVersion,
  { self, whole }: ScreenOptions,
): Screen {
  const compared = compare(before && rowsOf(before, self), rowsOf(after, self));
  const text = compareText(before && textOf(before.statement), textOf(after.statement), whole);
  const cut = new Cutter(whole);
  const lines = [...heading, ...compared.map((row) => cut.show(row)), [text.summary], ...cut.bounded(text.rows)];
  return { lines, isCut: cut.isCut };
}

function marks(before: number, after: number): Part {
  return styled(`- only v${before}   + only v${after}   the rest is the same`, 'faint');
}

function legend({ label, target, present }: ProposedMove): Part {
  if (present === undefined)
    return styled(`nothing to compare with: ${label} points to no version that counts`, 'faint');
  const old = `v${present.version}`;
  if (present.opened === undefined)
    return styled(
      `nothing to compare with: this device cannot open ${old}, or its author may no longer write`,
      'faint',
    );
  if (present.chash === target?.chash) return styled(`${label} points to this version already`, 'faint');
  return marks(present.version, target?.version ?? 0);
}

type Named = ReturnType<typeof rowsOf>;

/** Rows by their names: one that says the same once, else the old and the new below each other. */
function compare(before: Named | undefined, after: Named): Row[] {
  const width = Math.max(...[...(before ?? []), ...after].map(({ name }) => name.length));
  const row = (mark: Row['mark'], name: string, value: string): Row => ({
    mark,
    text: `${name.padEnd(width)}  ${value}`,
  });
  if (before === undefined) return after.map(({ name, value }) => row(' ', name, value));
  const old = new Map(before.map(({ name, value }) => [name, value]));
  const rows = after.flatMap(({ name, value }) => {
    const was = old.get(name);
    old.delete(name);
    if (was === value) return [row(' ', name, value)];
    return [...(was === undefined ? [] : [row('-', name, was)]), row('+', name, value)];
  });
  return [...rows, ...[...old].map(([name, value]) => row('-', name, value))];
}

function compareText(
  before: readonly string[] | undefined,
  after: readonly string[],
  whole: boolean,
): { readonly summary: string; readonly rows: readonly Row[] } {
  if (before === undefined) return { summary: `text, ${counted(after.length, 'line')}:`, rows: asRows(after) };
  const diff = diffLines(before, after);
  const [added, gone] = ['+', '-'].map((mark) => diff.filter((line) => line.mark === mark).length);
  if (added === 0 && gone === 0)
    return {
      summary: `text, ${counted(after.length, 'line')}: the same${whole ? '' : ' (--full shows it)'}`,
      rows: whole ? diff : [],
    };
  const summary = `text, ${counted(gone ?? 0, 'line')} gone, ${counted(added ?? 0, 'line')} new:`;
  return { summary, rows: whole ? diff : excerpts(inContext(diff)) };
}

function asRows(lines: readonly string[]): Row[] {
  return lines.map((text) => ({ mark: ' ', text }));
}

/** Changed lines with a few around them; in place of the others, how many they are. */
function inContext(diff: readonly DiffLine[]): Row[] {
  const shown = new Set<number>();
  for (const [at, { mark }] of diff.entries())
    if (mark !== ' ') for (let near = at - CONTEXT; near <= at + CONTEXT; near += 1) shown.add(near);
  const rows: Row[] = [];
  let skipped: DiffLine[] = [];
  const skip = () => {
    if (skipped.length > 1) rows.push({ mark: ' ', text: `… ${skipped.length} lines the same`, note: true });
    else rows.push(...skipped);
    skipped = [];
  };
  for (const [at, line] of diff.entries()) {
    if (!shown.has(at)) {
      skipped.push(line);
      continue;
    }
    skip();
    rows.push(line);
  }
  skip();
  return rows;
}

/** Of long lines that were changed, one for one, the parts that differ. */
function excerpts(rows: readonly Row[]): Row[] {
  const result = [...rows];
  for (let at = 0; at < rows.length; ) {
    const length = (mark: Row['mark'], from: number): number => {
      let end = from;
      while (rows[end]?.mark === mark && rows[end]?.note !== true) end += 1;
      return end - from;
    };
    const gone = length('-', at);
    const added = length('+', at + gone);
    const pairs = gone === added ? gone : 0;
    for (let pair = 0; pair < pairs; pair += 1) {
      const [old, fresh] = [rows[at + pair], rows[at + gone + pair]];
      if (old === undefined || fresh === undefined) continue;
      const [oldText, freshText] = excerptsOf(old.text, fresh.text);
      result[at + pair] = { ...old, text: oldText };
      result[at + gone + pair] = { ...fresh, text: freshText };
    }
    at += Math.max(1, gone + added);
  }
  return result;
}

function excerptsOf(old: string, fresh: string): [string, string] {
  if (old.length < LONG_LINE || fresh.length < LONG_LINE) return [old, fresh];
  const most = Math.min(old.length, fresh.length);
  let start = 0;
  while (start < most && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < most - start && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  // The bar stays in front. Cut between characters, never within one.
  const from = Math.max(2, start - AROUND);
  const left = Math.max(0, end - AROUND);
  const part = (line: string) => {
    const to = line.length - left;
    const middle = line.slice(from, to).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
    const before = from > 2 ? `⟨${from - 2} characters the same⟩` : '';
    return `| ${before}${middle}${left > 0 ? `⟨${left} characters the same⟩` : ''}`;
  };
  return [part(old), part(fresh)];
}

/** Cuts what is too long, and knows whether it did. */
class Cutter {
  readonly #whole: boolean;
  isCut = false;

  constructor(whole: boolean) {
    this.#whole = whole;
  }

  show({ mark, text, note = false }: Row): Part[] {
    const line = `${mark} ${note ? text : this.#cut(text)}`;
    if (note) return [styled(line, 'faint')];
    return [mark === ' ' ? line : styled(line, mark === '+' ? 'good' : 'bad')];
  }

  bounded(rows: readonly Row[]): Part[][] {
    const shown = this.#whole ? rows : rows.slice(0, LINES_MAX);
    const lines = shown.map((row) => this.show(row));
    if (shown.length === rows.length) return lines;
    this.isCut = true;
    const rest = rows.slice(shown.length);
    const changed = rest.filter(({ mark }) => mark !== ' ').length;
    const what = changed > 0 ? `, ${changed} of them changed` : '';
    return [
      ...lines,
      [styled(`… and ${counted(rest.length, 'more line')}, not shown here${what} (--full shows all)`, 'strong')],
    ];
  }

  #cut(text: string): string {
    const visible = visibleLine(text);
    if (this.#whole || visible.length <= LINE_MAX) return visible;
    this.isCut = true;
    const shown = visible.slice(0, LINE_MAX).replace(/[\ud800-\udbff]$/, '');
    return `${shown}… and ${counted(visible.length - shown.length, 'more character')}, not shown here (--full shows all)`;
  }
}
