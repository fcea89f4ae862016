import { utf8 } from '@bulla/crypto';
import type { AppRequest, AppResponse } from './app-request.js';

/** The class of an SDK that takes a `fetch` of its own, as OpenAI's does. */
export type OpenaiSdk<Client> = new (options: OpenaiOptions) => Client;

/** What such a class is made with. */
export interface OpenaiOptions {
  readonly apiKey: string;
  readonly baseURL: string;
  readonly fetch: typeof fetch;
  /** There is no key of a provider that a page could lose. */
  readonly dangerouslyAllowBrowser: true;
}

/** Who answers requests of apps. */
interface Answering {
  answer(request: AppRequest): Promise<AppResponse>;
}

/** Nobody can be reached there, should a request go out by another way (RFC 6761). */
const HOST = 'https://bulla.invalid';
const BASE = '/v1';

/** @param load makes what answers, once it is needed */
export function openaiOptions(load: () => Promise<Answering>): OpenaiOptions {
  let loaded: Promise<Answering> | undefined;
  return {
    apiKey: 'unused',
    baseURL: `${HOST}${BASE}`,
    dangerouslyAllowBrowser: true,
    fetch: async (input, init) => answered(await (loaded ??= load()), new Request(input, init), init?.signal),
  };
}

async function answered(
  surface: Answering,
  request: Request,
  given: AbortSignal | null | undefined,
): Promise<Response> {
  const signal = given ?? request.signal;
  signal.throwIfAborted();
  const { status, headers, body } = await surface.answer({
    method: request.method,
    path: new URL(request.url).pathname.slice(BASE.length),
    header: (name) => request.headers.get(name) ?? undefined,
    body: new Uint8Array(await request.arrayBuffer()),
    signal,
  });
  // Who left is told what `fetch` would tell, and no error of a server.
  signal.throwIfAborted();
  return new Response(typeof body === 'string' ? body : streamOf(body, signal), { status, headers });
}

/** The same as bytes; it fails when the signal aborts, as the body of any response does. */
function streamOf(pieces: AsyncIterable<string>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    start(controller) {
      signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (signal.aborted) return;
      if (done === true) controller.close();
      else controller.enqueue(utf8(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
