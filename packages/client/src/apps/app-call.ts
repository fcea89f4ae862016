import type { ChatCompletions } from '../chats/chats.js';
import type { Embeddings } from '../chats/embeddings.js';
import type { Prompts } from '../prompts/prompts.js';
import type { OfferedModels } from '../runs/offered-models.js';
import type { RunnablePrompt } from '../runs/runnable-prompt.js';
import type { AppDialect } from './app-errors.js';
import type { AnswerKeeper, AppRequest, AppResponse } from './app-request.js';

export interface AppSurfaceOptions {
  /** Where answers are kept; nowhere unless given. */
  readonly keeper?: AnswerKeeper | undefined;
  /** Whether parameters of a chat that are not known here are left out; they are refused by name unless true. */
  readonly passUnknown?: boolean | undefined;
  /** URN of the responder that is asked; the first of the directory unless given. */
  readonly responder?: string | undefined;
}

/** What apps are answered with: a `Bulla`. */
export interface AppConnection {
  readonly chat: { readonly completions: ChatCompletions };
  readonly embeddings: Embeddings;
  readonly prompts: Prompts;
  prompt(name: string, choice?: { readonly label?: string; readonly version?: number }): RunnablePrompt;
  models(responder?: string): Promise<OfferedModels>;
  responder(wanted?: string): Promise<string>;
  mayChat(): Promise<boolean>;
}

/** One request on its way through the surface. */
export interface AppCall {
  readonly bulla: AppConnection;
  readonly options: AppSurfaceOptions;
  readonly request: AppRequest;
  /** What the path holds in the place of the route's group `id`, decoded. */
  readonly id: string;
  /** What the response calls this request, in `x-request-id`. */
  readonly requestId: string;
  /** When it came, by `performance.now()`. */
  readonly startedMs: number;
  readonly dialect: AppDialect;
}

/** One row of the route table. */
export interface AppRoute {
  readonly method: 'GET' | 'POST';
  /** Of the whole path below the base; its group `id` is what the call gets. */
  readonly path: RegExp;
  readonly dialect: AppDialect;
  /** @throws {BullaError} which the surface tells in the route's dialect */
  readonly answer: (call: AppCall) => Promise<AppResponse>;
}
