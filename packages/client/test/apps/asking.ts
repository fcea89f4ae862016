import type { AppRequest, AppResponse } from '../../src/apps/app-request.js';
import type { AppSurface } from '../../src/apps/app-surface.js';
import { utf8 } from '@bulla/crypto';

/** How a request of an app differs from a plain POST of JSON. */
export interface Differing {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What an app was told, read to its end. */
export interface Told {
  readonly status: number;
  readonly headers: AppResponse['headers'];
  readonly text: string;
  /** Of a response that is one document. */
  readonly json: () => Readonly<Record<string, unknown>>;
  /** The data of each event, parsed unless it is `[DONE]`. */
  readonly events: () => unknown[];
}

type Body = object | string | Uint8Array | undefined;

export function requestOf(path: string, body: Body, differing: Differing = {}): AppRequest {
  const { method = body === undefined ? 'GET' : 'POST', headers = { 'content-type': 'application/json' } } = differing;
  const { signal = new AbortController().signal } = differing;
  return { method, path, header: (name) => headers[name], body: bytesOf(body), signal };
}

function bytesOf(body: Body): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return utf8(body === undefined || typeof body === 'string' ? (body ?? '') : JSON.stringify(body));
}

/** Asks a surface as an app would, and reads all of its answer. */
export async function tell(surface: AppSurface, ...request: Parameters<typeof requestOf>): Promise<Told> {
  const { status, headers, body } = await surface.answer(requestOf(...request));
  let text = '';
  if (typeof body === 'string') text = body;
  else for await (const piece of body) text += piece;
  return {
    status,
    headers,
    text,
    json: () => JSON.parse(text) as Readonly<Record<string, unknown>>,
    events: () =>
      [...text.matchAll(/^data: (.*)$/gm)].map(
        ([, data = '']) => (data === '[DONE]' ? data : JSON.parse(data)) as unknown,
      ),
  };
}
