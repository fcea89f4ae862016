import type { EmbeddingList, EmbeddingsQuestion } from '@bulla/crypto';
import { embeddingsOf } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { ChatAnswer } from '../runs/answer.js';
import { answerOf } from '../runs/answer-events.js';
import { mapEmbeddings } from '../pii/question-texts.js';
import { runInquiry } from '../runs/runs.js';
import { sealQuestion } from '../runs/sealed-question.js';
import type { ChatOptions, ChatQuestion } from './chats.js';
import { OWN_MODEL } from './chats.js';
import type { ChatPermits } from './chat-permits.js';

/** Texts whose embeddings are asked for, by the names of OpenAI's interface. */
export interface EmbeddingsRequest extends EmbeddingsQuestion {
  /** A name that the responder lists; its own model unless given. */
  readonly model?: string | undefined;
}

/** Embeddings whose signed end was verified. */
export interface EmbeddedTexts {
  /** In OpenAI's shape, as the model server gave them. */
  readonly embeddings: EmbeddingList;
  /** The answer that they came in, which a file can prove. */
  readonly answer: ChatAnswer;
}

/** Embeddings of texts, sealed to a responder: in the shape of OpenAI's SDK. */
export class Embeddings {
  readonly #session: Session;
  readonly #permits: ChatPermits;

  constructor(session: Session, permits: ChatPermits) {
    this.#session = session;
    this.#permits = permits;
  }

  /**
   * Asks for an embedding of each text; who may chat may ask.
   * @throws {BullaError} payload_too_large for more than one answer holds; as a chat
   */
  async create(
    { model = OWN_MODEL, ...embeddings }: EmbeddingsRequest,
    { responder, signal, onPii, ...limits }: ChatOptions = {},
  ): Promise<EmbeddedTexts> {
    const inquiryOf = (asked: EmbeddingsQuestion) => ({
      stream: false,
      signal,
      ask: async (before?: ChatQuestion): Promise<ChatQuestion> => {
        const permit = await this.#permits.take(model, responder, before?.permit, signal);
        const question = await sealQuestion(this.#session, permit, {
          purpose: 'chat.invoke',
          messages: [],
          embeddings: asked,
          ...(before !== undefined && { retry_of: before.jti }),
          opt: { model, stream: false, privacy: 'padded' },
        });
        return { ...question, permit };
      },
    });
    // No text comes back. The same text is masked in the same way each time, so that what was stored is found again.
    const passage = { question: embeddings, map: mapEmbeddings<EmbeddingsQuestion>, onPii, isReversible: false };
    const chunks = this.#session.pii.pass(passage, (asked) => runInquiry(this.#session, inquiryOf(asked), limits));
    const answer = await answerOf(chunks);
    return { embeddings: await wholeOf(answer, embeddings), answer };
  }
}

/** What a responder cut off, or answered for other texts, is no answer. */
async function wholeOf(answer: ChatAnswer, { input }: EmbeddingsQuestion): Promise<EmbeddingList> {
  // guard: client-embeddings-length
  if (answer.finish === 'length') {
    const message = 'the embeddings are more than one answer holds: ask for those of fewer texts';
    throw bullaError('payload_too_large', { message, origin: 'responder' });
  }
  const embeddings = await checked(() => embeddingsOf(answer.chunks));
  // guard: client-embeddings-count
  if (embeddings.data.length !== (typeof input === 'string' ? 1 : input.length))
    throw bullaError('token_malformed', { message: 'not every text has its embedding', origin: 'client' });
  return embeddings;
}
