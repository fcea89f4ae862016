import type { AppRequest, AppResponse } from '@bulla/client/apps';
import type { Surface } from '../src/surface.js';

/** A surface of a test: each path is answered as the test says, and what was asked is remembered. */
export class ScriptedSurface implements Surface {
  readonly asked: AppRequest[] = [];
  next: (request: AppRequest) => AppResponse | Promise<AppResponse> = (request) => whole({ asked: request.path });

  answer(request: AppRequest): Promise<AppResponse> {
    this.asked.push(request);
    return Promise.resolve(this.next(request));
  }
}

/** A whole answer. */
export function whole(body: object, status = 200, headers: Record<string, string> = {}): AppResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** An answer in parts. */
export function parts(body: AsyncIterable<string>, headers: Record<string, string> = {}): AppResponse {
  return { status: 200, headers: { 'content-type': 'text/event-stream', ...headers }, body };
}

/** Settles when the signal aborts, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
}
