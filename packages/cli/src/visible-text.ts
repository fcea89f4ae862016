/**
 * What a reader does not see: controls, what reorders or joins text, blanks that are no spaces, code points that belong to
 * nobody, spaces at the end. Models read all of them, so a person who signs must see them too.
 */
const UNSEEN =
  /(?![ \t])[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]|[ \t]+$/gu;

/** A line of text in which every character shows. */
export function visibleLine(line: string): string {
  return line.replace(UNSEEN, (found) => Array.from(found, codePoint).join(''));
}

function codePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
