import type { ChatMessage, ModelParameters } from '@bulla/crypto';
import { tokenParameters } from '@bulla/crypto';
import type { Session } from '../connection/session.js';
import type { ChatAnswer } from '../runs/answer.js';
import type { AnswerChunks, AnswerEvent } from '../runs/answer-events.js';
import { answerOf, eventsOf } from '../runs/answer-events.js';
import type { Inquiry, RunLimits } from '../runs/runs.js';
import { runInquiry } from '../runs/runs.js';
import type { PiiOptions } from '../pii/pii-settings.js';
import { mapQuestion, wantsJson } from '../pii/question-texts.js';
import type { Question } from '../runs/sealed-question.js';
import { sealQuestion } from '../runs/sealed-question.js';
import type { ChatPermit, ChatPermits } from './chat-permits.js';

/** A question without a stored prompt, by the names of OpenAI's chat completions. */
export interface ChatRequest extends ModelParameters {
  /** A name that the responder lists; its own model unless given. */
  readonly model?: string | undefined;
  readonly messages: readonly ChatMessage[];
  readonly max_completion_tokens?: number | undefined;
}

export interface ChatOptions extends RunLimits, PiiOptions {
  /** URN of the responder; the first of the directory unless given. */
  readonly responder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the stream of a chat yields. */
export type ChatEvent = AnswerEvent<ChatAnswer>;

/** A question under leave to chat. */
export interface ChatQuestion extends Question {
  readonly permit: ChatPermit;
  readonly resolved?: undefined;
}

/** What of a chat is said to the model. */
interface AskedChat {
  readonly messages: readonly ChatMessage[];
  readonly parameters: ModelParameters;
}

/** What a responder's own model is called. */
export const OWN_MODEL = 'default';

/** Chats without a stored prompt, sealed to a responder: in the shape of OpenAI's SDK. */
export class ChatCompletions {
  readonly #session: Session;
  readonly #permits: ChatPermits;

  constructor(session: Session, permits: ChatPermits) {
    this.#session = session;
    this.#permits = permits;
  }

  /**
   * Asks, and waits for the whole answer: its `completion` is what the model server said, in OpenAI's shape.
   * @throws {BullaError} forbidden where the policy lets no group of this device chat; as {@link runInquiry}
   */
  async create(request: ChatRequest, options: ChatOptions = {}): Promise<ChatAnswer> {
    return answerOf(this.#ask(request, options, false));
  }

  /** As {@link create}, piece by piece: text may be shown as it comes, calls of tools come once the end is verified. */
  stream(request: ChatRequest, options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    return eventsOf(this.#ask(request, options, true));
  }

  #ask(
    { model = OWN_MODEL, messages, max_completion_tokens, ...parameters }: ChatRequest,
    { responder, signal, onPii, ...limits }: ChatOptions,
    stream: boolean,
  ): AnswerChunks<ChatAnswer> {
    const inquiryOf = (asked: AskedChat): Inquiry<ChatQuestion> => ({
      stream,
      signal,
      ask: async (before) => {
        const permit = await this.#permits.take(model, responder, before?.permit, signal);
        const question = await sealQuestion(this.#session, permit, {
          purpose: 'chat.invoke',
          messages: [...asked.messages],
          ...(before !== undefined && { retry_of: before.jti }),
          opt: {
            model,
            stream,
            privacy: 'padded',
            ...(max_completion_tokens !== undefined && { max_output_tokens: max_completion_tokens }),
            ...tokenParameters(asked.parameters),
          },
        });
        return { ...question, permit };
      },
    });
    const passage = {
      question: { messages, parameters },
      map: mapQuestion<AskedChat>,
      onPii,
      isJson: wantsJson(parameters),
    };
    return this.#session.pii.pass(passage, (asked) => runInquiry(this.#session, inquiryOf(asked), limits));
  }
}
