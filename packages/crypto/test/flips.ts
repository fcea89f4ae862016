/**
 * Where a token, or JSON around tokens, has its structure: every character that is not in base64url, and its
 * neighbours, which are the first and the last of each part; the first and the last of all.
 * @returns places in the text, from the first to the last, each once
 */
export function edgesOf(text: string): number[] {
  const around = [...text.matchAll(/[^\w-]/g)].flatMap(({ index }) => [index - 1, index, index + 1]);
  const all = new Set([0, ...around, text.length - 1]);
  return [...all].filter((at) => at >= 0 && at < text.length).toSorted((one, other) => one - other);
}

/** The numbers from 0 up to but not `end`, every `stride`th of them. */
export function upTo(end: number, stride = 1): number[] {
  return Array.from({ length: Math.ceil(end / stride) }, (_, index) => index * stride);
}
