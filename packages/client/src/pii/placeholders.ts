import { randomBytes } from '@bulla/crypto';
import type { Finding } from './finding.js';

/** What stands for what, in one request. */
export type MaskedValues = ReadonlyMap<string, string>;

/** Longest name between the brackets: a type, a number and a tag. */
export const PLACEHOLDER_NAME_MAX = 64;
/** The type of a text that only looks like a placeholder. */
export const LOOK_ALIKE = 'TEXT';
const LOOK_ALIKES = /<[A-Z][A-Z_]{0,31}_\d{1,9}_[a-z0-9]{1,21}>/g;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const TAG_CHARACTERS = 4;
const TAG_TRIES = 4;

/** Texts that look like placeholders, of any request. They are masked as well, so what is restored is only our own. */
export function* lookAlikes(text: string): Generator<Finding> {
  for (const {
    index,
    0: { length },
  } of text.matchAll(LOOK_ALIKES))
    yield { type: LOOK_ALIKE, start: index, end: index + length };
}

/** The placeholders of one request: `<EMAIL_1_k3f7>`. Equal values have the same one, so that a model can tell who is who. */
export class Placeholders {
  readonly #tag: string;
  readonly #names = new Map<string, string>();
  readonly #values = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** @param tag that no text of the request holds ({@link chooseTag}). */
  constructor(tag: string) {
    this.#tag = tag;
  }

  get values(): MaskedValues {
    return this.#values;
  }

  /** The text with a placeholder for each finding; they are in order and do not overlap. */
  mask(text: string, findings: readonly Finding[]): string {
    const pieces: string[] = [];
    let at = 0;
    for (const { type, start, end } of findings) {
      pieces.push(text.slice(at, start), this.#of(type, text.slice(start, end)));
      at = end;
    }
    pieces.push(text.slice(at));
    return pieces.join('');
  }

  #of(type: string, value: string): string {
    const key = `${type} ${value}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(type) ?? 0) + 1;
    const placeholder = `<${type}_${count}_${this.#tag}>`;
    this.#counts.set(type, count);
    this.#names.set(key, placeholder);
    this.#values.set(placeholder, value);
    return placeholder;
  }
}

/** A random tag that none of these texts holds: a longer one where somebody wrote all the short ones. */
export function chooseTag(texts: readonly string[], random: (length: number) => Uint8Array = randomBytes): string {
  for (let length = TAG_CHARACTERS; ; length++) {
    for (let tries = 0; tries < TAG_TRIES; tries++) {
      const tag = Array.from(random(length), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
      // guard: pii-tag-unused without: if (tag !== '') return tag;
      if (!texts.some((text) => text.includes(tag))) return tag;
    }
  }
}
