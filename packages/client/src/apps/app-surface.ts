import { encodeBase64url, randomBytes } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { AppCall, AppConnection, AppRoute, AppSurfaceOptions } from './app-call.js';
import { faultHeaders, faultOf, OPENAI_DIALECT } from './app-errors.js';
import type { AppRequest, AppResponse } from './app-request.js';
import { ANTHROPIC_DIALECT } from './anthropic/anthropic-error.js';
import { answerMessages, refuseCountTokens } from './anthropic/messages-route.js';
import { answerResponses, refuseKeptResponse } from './responses/responses-route.js';
import { answerChatCompletions } from './openai/chat-completions.js';
import { answerCompletions } from './openai/completions.js';
import { answerEmbeddings } from './openai/embeddings.js';
import { answerModel, answerModels } from './openai/models.js';

const KEPT_RESPONSE = /^\/responses\/[^/]+(?:\/(?:cancel|input_items))?$/;

/** What apps may ask; a path takes what a vendor's SDK adds to its base URL. */
const ROUTES: readonly AppRoute[] = [
  { method: 'POST', path: /^\/chat\/completions$/, dialect: OPENAI_DIALECT, answer: answerChatCompletions },
  { method: 'POST', path: /^\/completions$/, dialect: OPENAI_DIALECT, answer: answerCompletions },
  { method: 'POST', path: /^\/embeddings$/, dialect: OPENAI_DIALECT, answer: answerEmbeddings },
  { method: 'GET', path: /^\/models$/, dialect: OPENAI_DIALECT, answer: answerModels },
  { method: 'GET', path: /^\/models\/(?<id>.+)$/, dialect: OPENAI_DIALECT, answer: answerModel },
  { method: 'POST', path: /^\/responses$/, dialect: OPENAI_DIALECT, answer: answerResponses },
  { method: 'GET', path: KEPT_RESPONSE, dialect: OPENAI_DIALECT, answer: refuseKeptResponse },
  { method: 'POST', path: KEPT_RESPONSE, dialect: OPENAI_DIALECT, answer: refuseKeptResponse },
  { method: 'POST', path: /^(?:\/v1)?\/messages$/, dialect: ANTHROPIC_DIALECT, answer: answerMessages },
  {
    method: 'POST',
    path: /^(?:\/v1)?\/messages\/count_tokens$/,
    dialect: ANTHROPIC_DIALECT,
    answer: refuseCountTokens,
  },
];

/** Answers apps in the interfaces of their vendors, each answer sealed on its way and verified before its end is told. */
export class AppSurface {
  readonly #bulla: AppConnection;
  readonly #options: AppSurfaceOptions;

  constructor(bulla: AppConnection, options: AppSurfaceOptions = {}) {
    this.#bulla = bulla;
    this.#options = options;
  }

  /** Answers one request. It never throws: an error is a response in the dialect of its route. */
  async answer(request: AppRequest): Promise<AppResponse> {
    const requestId = `req_${encodeBase64url(randomBytes(16))}`;
    const startedMs = performance.now();
    const routes = ROUTES.filter(({ path }) => path.test(request.path));
    const route = routes.find(({ method }) => method === request.method);
    const dialect = (route ?? routes[0])?.dialect ?? OPENAI_DIALECT;
    try {
      if (route === undefined) throw routes.length === 0 ? unknownPath() : unknownMethod();
      const id = idIn(route.path.exec(request.path));
      const call: AppCall = { bulla: this.#bulla, options: this.#options, request, id, requestId, startedMs, dialect };
      return await route.answer(call);
    } catch (error) {
      const fault = faultOf(error, requestId);
      return { status: fault.status, headers: faultHeaders(fault), body: JSON.stringify(dialect.errorBody(fault)) };
    }
  }
}

function idIn(match: RegExpExecArray | null): string {
  try {
    return decodeURIComponent(match?.groups?.['id'] ?? '');
  } catch {
    throw unknownPath();
  }
}

function unknownPath(): Error {
  const message = 'this address is not one of those that apps are answered at';
  return bullaError('not_found', { message, origin: 'client', details: { kind: 'unsaid' } });
}

function unknownMethod(): Error {
  return bullaError('method_not_allowed', { message: 'this address does not take this method', origin: 'client' });
}
