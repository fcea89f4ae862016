import * as z from 'zod';

/** An entry that the sink refused for good. */
export const DeadLetter = z.strictObject({
  v: z.literal(1),
  /** RFC 3339: when it was refused. */
  at: z.string(),
  origin: z.string(),
  index: z.int().min(0),
  reason: z.string(),
  /** Exactly as it was hashed. */
  leaf: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/**
 * The dead letters in a file: each entry once, as it was refused last. A line without its end was cut by the end of the
 * process, before the place of the stream moved on: its entry comes again.
 * @returns and how many lines are not readable
 */
export function parseDeadLetters(text: string): { readonly letters: readonly DeadLetter[]; readonly unread: number } {
  const found = new Map<string, DeadLetter>();
  let unread = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    const letter = readLetter(line);
    if (letter === undefined) unread++;
    else found.set(`${letter.origin} ${letter.index}`, letter);
  }
  return { letters: [...found.values()], unread };
}

export function encodeDeadLetter(letter: DeadLetter): string {
  return `${JSON.stringify(letter)}\n`;
}

function readLetter(line: string): DeadLetter | undefined {
  try {
    return DeadLetter.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
