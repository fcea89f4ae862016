/**
 * What a reader of a name does not see, or what makes a screen show it otherwise: controls, formats, private and surrogate
 * code points, separators of lines, what is drawn as nothing. Code points that are not assigned yet do not count
 * as such. So a good name stays good when Unicode grows.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/u;
const BLANK_AT_AN_END = /^\p{Zs}|\p{Zs}$/u;

/**
 * Whether a name shows whole where it is read: every character is visible, and no space stands at an end (protocol.md,
 * amendment A15). How long it may be is for its owner to say.
 */
export function isVisibleName(name: string): boolean {
  // guard: name-unseen without: return !BLANK_AT_AN_END.test(name);
  // guard: name-ends without: return !UNSEEN.test(name);
  return !UNSEEN.test(name) && !BLANK_AT_AN_END.test(name);
}
