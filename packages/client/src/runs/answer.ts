import type { AnswerParts, Completion, CompletionChunk, FinClaims } from '@bulla/crypto';
import { answerText, completionOf, composeAnswer, linesOf, parseChunk } from '@bulla/crypto';

/** Which version of which prompt was run. */
export interface AnsweredPrompt {
  readonly name: string;
  readonly version: number;
}

/** An answer whose signed end was verified: it is whole, and the responder that was asked vouches for it. */
export class Answer<Prompt extends AnsweredPrompt | undefined = AnsweredPrompt> {
  readonly text: string;
  /** Tokens as the model counted them; members it did not tell are absent. */
  readonly usage: FinClaims['usage'];
  readonly model: string;
  /** `stop`, `length` or `tool_calls`. */
  readonly finish: FinClaims['finish'];
  /** Undefined for a chat. */
  readonly prompt: Prompt;
  /** URN of the responder. */
  readonly responder: string;
  /** Always true: an answer that fails verification causes an error. */
  readonly verified = true;
  readonly #parts: AnswerParts;
  readonly #question: string;

  constructor(parts: AnswerParts, question: string, fin: FinClaims) {
    this.text = answerText(parts.deltas);
    this.usage = fin.usage;
    this.model = fin.model;
    this.finish = fin.finish;
    // That it is of a prompt where one was asked, verifyFin has seen.
    this.prompt = (fin.purpose === 'prompt.reply' ? { name: fin.prm.name, version: fin.prm.ver } : undefined) as Prompt;
    this.responder = fin.iss;
    this.#parts = parts;
    this.#question = question;
  }

  /** What the model said, piece by piece, with all that its server told of it. */
  get chunks(): CompletionChunk[] {
    return [...linesOf(this.#parts.deltas)].map(parseChunk);
  }

  /** The same as a whole, in OpenAI's shape: `choices[0].message` has the calls of tools, or a refusal. */
  get completion(): Completion {
    return completionOf(this.chunks);
  }

  /**
   * The text of `answer.json`, which anybody who holds the organisation's pin can verify.
   * @param showQuestion includes the question: a reader of the file then reads the variables too.
   */
  toFile({ showQuestion = false }: { readonly showQuestion?: boolean } = {}): string {
    return composeAnswer({ ...this.#parts, ...(showQuestion && { invocation: this.#question }) });
  }
}

/** The answer to a chat, which has no stored prompt. */
export type ChatAnswer = Answer<undefined>;
