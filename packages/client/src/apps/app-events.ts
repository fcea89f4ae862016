/** Server-sent events as apps read them: JSON has no line breaks, so one line of data is enough. */

/** One event without a name, as OpenAI's chat completions have them. */
export function dataEvent(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** One event with a name, as OpenAI's responses and Anthropic's messages have them. */
export function namedEvent(name: string, data: object): string {
  return `event: ${name}\n${dataEvent(data)}`;
}

/** What ends a whole stream of OpenAI. */
export const DONE_EVENT = 'data: [DONE]\n\n';
