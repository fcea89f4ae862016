/** Digits that stand together. */
export interface DigitGroup {
  readonly digits: string;
  readonly start: number;
  readonly end: number;
}

/** Groups that single separators join; one window of them may be a number. */
export type NumberRun = readonly DigitGroup[];

const RUN = /\d+(?:[ .\-/\u00a0\u2011]\d+)*/g;
const GROUP = /\d+/g;

/** The runs of digits in a text that stand apart from letters. */
export function* numberRuns(text: string): Generator<NumberRun> {
  for (const { index, 0: run } of text.matchAll(RUN)) {
    const groups: DigitGroup[] = [];
    for (const { index: at, 0: digits } of run.matchAll(GROUP))
      groups.push({ digits, start: index + at, end: index + at + digits.length });
    if (isLetter(text[index - 1])) groups.shift();
    if (isLetter(text[index + run.length])) groups.pop();
    if (groups.length > 0) yield groups;
  }
}

/** Windows of a run whose groups have one of these shapes: lengths such as `[4, 4, 4, 4]`. */
export function* windowsOf(
  run: NumberRun,
  shapes: readonly (readonly number[])[],
): Generator<{
  readonly digits: string;
  readonly start: number;
  readonly end: number;
  readonly shape: readonly number[];
}> {
  for (let at = 0; at < run.length; at++) {
    for (const shape of shapes) {
      if (!shape.every((length, place) => run[at + place]?.digits.length === length)) continue;
      const window = run.slice(at, at + shape.length);
      const [first, last] = [window[0], window.at(-1)];
      if (first === undefined || last === undefined) continue;
      const digits = window.map((group) => group.digits).join('');
      yield { digits, start: first.start, end: last.end, shape };
    }
  }
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}_]/u.test(character);
}
