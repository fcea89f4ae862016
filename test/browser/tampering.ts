import type { Fields, Vector } from '@bulla/conformance';

/** What is computed of an input: another input has another answer, and is nothing to refuse. */
const COMPUTED = new Set(['key-check']);

/** What of each format's input is authenticated, by the names on the way to it. */
const AUTHENTICATED: Readonly<Record<string, readonly (string | number)[]>> = {
  root: ['roots', 0],
  policy: ['policy'],
  directory: ['directory'],
  tag: ['tokens', 0],
  bundle: ['bundle', 'content'],
  frames: ['frames', 0, 1],
  evidence: ['file'],
  verdict: ['file'],
  'http-request': ['request', 'body'],
  'http-response': ['response', 'headers', 'signature'],
  chunked: ['sealed'],
  attachment: ['sealed'],
  'streamed-letter': ['sealed'],
  note: ['note'],
  'key-file': ['file'],
  enrolment: ['mac'],
  'merkle-inclusion': ['proof', 0],
  'merkle-consistency': ['proof', 0],
  'label-chain': ['next', 'pos'],
  'directory-chain': ['next', 'chain'],
};

/** Where a character is replaced: in the beginning, the middle and the end. */
const PLACES = [0.05, 0.5, 0.95];

/** The same things with one character of what is authenticated replaced by another one that may stand there. */
export function tampered(vector: Vector): Vector[] {
  if (COMPUTED.has(vector.format)) return [];
  const way = AUTHENTICATED[vector.format] ?? ['token'];
  return PLACES.map((place) => ({
    ...vector,
    name: `with the character at ${place} of ${way.join('.')} replaced`,
    input: changedAt(vector.input, way, (text) => replaced(text, Math.floor(text.length * place))) as Fields,
  }));
}

function changedAt(value: unknown, way: readonly (string | number)[], change: (text: string) => string): unknown {
  const [name, ...rest] = way;
  if (name === undefined) {
    if (typeof value !== 'string') throw new Error('no text to change there');
    return change(value);
  }
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[name] = changedAt(copy[name], rest, change);
  return copy;
}

function replaced(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}
