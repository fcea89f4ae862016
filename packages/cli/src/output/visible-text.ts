/**
 * The one escape of everything that is printed. What somebody else wrote must neither command a terminal (CWE-150), nor
 * make a line of its own, nor hold what a reader does not see; whether a terminal or a program reads makes no difference.
 */

/**
 * What a reader does not see: controls, what reorders or joins text, blanks other than the space, code points that
 * are not assigned. Models read all of them, so a person who signs must see them too.
 */
const UNSEEN = /(?! )[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/**
 * Of running text, such as an answer at a terminal: lines and tabs are its form, and Persian, Hindi and emoji need joiners
 * and the two selectors of emoji. A blank shows, and so does what this version of Unicode does not know.
 */
const UNSEEN_IN_TEXT =
  /(?![\t\n]|\u200C|\u200D|\uFE0E|\uFE0F)[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Nobody can tell it from what stands beside it. */
const WORD = /^[\w.:/@+#~-]+$/;

/** A part of a line, in which every character shows. It cannot end the line. */
export function visible(text: string): string {
  return text.replace(UNSEEN, written);
}

/** The same for a whole line, where a space at its end would not show. */
export function visibleLine(line: string): string {
  return visible(line).replace(/ +$/, (spaces) => written(' ').repeat(spaces.length));
}

/** The same for a cell: two spaces part it from the next one, so it holds only single ones, and none at its ends. */
export function visibleCell(cell: string): string {
  return visible(cell).replace(/^ |(?<= ) | $/g, written);
}

/**
 * A value of somebody else within a line: as it is where it is one word, else in quotes, so that no part of it can pass for
 * the rest of the line.
 */
export function quoted(value: string): string {
  // guard: quoted-value without: return value;
  return WORD.test(value) ? value : `"${visible(value.replace(/["\\]/g, (character) => `\\${character}`))}"`;
}

/** Running text, in which every character that a terminal would obey or hide is shown instead. */
export function harmless(text: string): string {
  return text.replace(UNSEEN_IN_TEXT, written);
}

/** JSON that says the same, in which every character of every string shows. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (found) => (found === '\n' ? found : escapedInJson(found)));
}

function escapedInJson(character: string): string {
  return Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}

function written(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
