import type { Bytes } from '@bulla/crypto';

const NEWLINE = 0x0a;

/** The input in a buffer of its own, as the fuzzer goes on using its. */
export function own(input: Uint8Array): Bytes {
  return Uint8Array.from(input);
}

/** The input as text; what is no UTF-8 becomes U+FFFD. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString('utf8');
}

/**
 * The input cut at its newlines, which JSON in its one spelling does not have.
 * @param count most pieces: the last one keeps its newlines
 */
export function linesOf(input: Uint8Array, count: number): Bytes[] {
  const lines: Bytes[] = [];
  let rest = own(input);
  for (let end = rest.indexOf(NEWLINE); end !== -1 && lines.length < count - 1; end = rest.indexOf(NEWLINE)) {
    lines.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return [...lines, rest];
}
