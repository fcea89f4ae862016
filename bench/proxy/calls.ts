import { request } from 'node:http';
import { Agent } from 'node:http';

/** Where something is asked in the interface of OpenAI. */
export interface Endpoint {
  readonly baseUrl: string;
  readonly bearer: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 2_000 });

/** As long as the chats of the other benches: 1 KiB. */
const MESSAGES = [
  { role: 'system', content: 'Decide about claims by the rules of the house. '.repeat(21) },
  { role: 'user', content: 'The claim: a short one' },
];

/** How long one answer took, in milliseconds, from the first byte of the request on. */
export interface Times {
  readonly firstMs: number;
  readonly wholeMs: number;
  /** Its bytes. */
  readonly length: number;
}

/**
 * Asks for one completion, and reads the answer to its end.
 * @param model as the endpoint calls it
 * @throws {Error} for anything but a whole answer
 */
export function complete({ baseUrl, bearer }: Endpoint, model: string, stream: boolean): Promise<Times> {
  const body = JSON.stringify({ model, messages: MESSAGES, stream });
  const headers = {
    authorization: `Bearer ${bearer}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(`${baseUrl}/chat/completions`, { method: 'POST', headers, agent }, (response) => {
      let firstMs = Number.NaN;
      let length = 0;
      let tail = '';
      response.on('data', (part: Buffer) => {
        const text = part.toString('latin1');
        if (Number.isNaN(firstMs) && saysWords(text)) firstMs = performance.now() - startedMs;
        length += part.length;
        tail = (tail + text).slice(-64);
      });
      response.on('end', () => {
        const isWhole = response.statusCode === 200 && (!stream || tail.includes('data: [DONE]'));
        if (isWhole) resolve({ firstMs, wholeMs: performance.now() - startedMs, length });
        else reject(new Error(`an answer is not whole: ${response.statusCode} ${tail}`));
      });
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Whether a piece of an answer holds a word of it: the first event of a stream says nothing yet. */
function saysWords(text: string): boolean {
  return /"content":"[^"]/.test(text);
}

/** An answer that is left open: a stream whose first word has come. */
export function openStream({ baseUrl, bearer }: Endpoint, model: string): Promise<{ close(): void }> {
  const body = JSON.stringify({ model, messages: MESSAGES, stream: true });
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(`${baseUrl}/chat/completions`, { method: 'POST', headers, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`a stream was refused: ${response.statusCode}`));
      response.on('data', (part: Buffer) => {
        if (saysWords(part.toString('latin1'))) resolve({ close: () => void asked.destroy() });
      });
      response.on('error', () => undefined);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Closes connections that nobody needs any more. */
export function hangUp(): void {
  agent.destroy();
}
