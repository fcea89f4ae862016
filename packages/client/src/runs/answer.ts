import type { AnswerParts, Completion, CompletionChunk, FinClaims } from '@bulla/crypto';
import { chunkText, completionOf, composeAnswer, linesOf, parseChunk } from '@bulla/crypto';
import type { Restoration } from '../pii/pii-gate.js';
import type { PiiReport } from '../pii/pii-settings.js';
import { restoredChunks } from '../pii/answer-restorer.js';

/** Which version of which prompt was run. */
export interface AnsweredPrompt {
  readonly name: string;
  readonly version: number;
}

/** What a model said. */
export interface Said {
  readonly text: string;
  readonly chunks: readonly CompletionChunk[];
  readonly completion: Completion;
}

/**
 * An answer whose signed end was verified: it is whole, and the responder that was asked vouches for it. Where personal
 * data was masked before it was asked, `text`, `chunks` and `completion` have it again; `signed` is what was signed.
 */
export class Answer<Prompt extends AnsweredPrompt | undefined = AnsweredPrompt> {
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
  readonly #fin: FinClaims;
  readonly #restoration: Restoration | undefined;
  /** What was signed: read from its bytes once, when it is first asked for. */
  #signed: readonly CompletionChunk[] | undefined;
  #told: readonly CompletionChunk[] | undefined;

  /**
   * @param chunks what the deltas say, where that was read already.
   * @param restoration what was masked in the question.
   */
  constructor(
    parts: AnswerParts,
    question: string,
    fin: FinClaims,
    chunks?: readonly CompletionChunk[],
    restoration?: Restoration,
  ) {
    this.#signed = chunks;
    this.#restoration = restoration;
    this.#parts = parts;
    this.#question = question;
    this.#fin = fin;
    this.usage = fin.usage;
    this.model = fin.model;
    this.finish = fin.finish;
    // That it is of a prompt where one was asked, verifyFin has seen.
    this.prompt = (fin.purpose === 'prompt.reply' ? { name: fin.prm.name, version: fin.prm.ver } : undefined) as Prompt;
    this.responder = fin.iss;
  }

  /** What the first choice says in words. */
  get text(): string {
    return textOf(this.#toldChunks());
  }

  /** What the model said, piece by piece, with all that its server told of it. */
  get chunks(): CompletionChunk[] {
    return [...this.#toldChunks()];
  }

  /** The same as a whole, in OpenAI's shape: `choices[0].message` has the calls of tools, or a refusal. */
  get completion(): Completion {
    return completionOf(this.#toldChunks());
  }

  /** What was found in the question before it was sent; undefined where nothing was looked for. */
  get pii(): PiiReport | undefined {
    return this.#restoration?.report;
  }

  /** What was signed, with placeholders where personal data was masked: what {@link toFile} proves. */
  get signed(): Said {
    const chunks = this.#signedChunks();
    return { text: textOf(chunks), chunks, completion: completionOf(chunks) };
  }

  /** The same answer, told with what was masked in its question. */
  restored(by: Restoration): Answer<Prompt> {
    return new Answer<Prompt>(this.#parts, this.#question, this.#fin, this.#signed, by);
  }

  #toldChunks(): readonly CompletionChunk[] {
    const signed = this.#signedChunks();
    this.#told ??= this.#restoration === undefined ? signed : [...restoredChunks(this.#restoration, signed)];
    return this.#told;
  }

  #signedChunks(): readonly CompletionChunk[] {
    this.#signed ??= [...linesOf(this.#parts.deltas)].map(parseChunk);
    return this.#signed;
  }

  /**
   * The text of `answer.json`, which anybody who holds the organisation's pin can verify.
   * @param showQuestion includes the question: a reader of the file then reads the variables too.
   */
  toFile({ showQuestion = false }: { readonly showQuestion?: boolean } = {}): string {
    const parts = { ...this.#parts, ...(showQuestion && { invocation: this.#question }) };
    return composeAnswer(parts, { said: textOf(this.#signedChunks()), fin: this.#fin });
  }
}

function textOf(chunks: readonly CompletionChunk[]): string {
  return chunks.map(chunkText).join('');
}

/** The answer to a chat, which has no stored prompt. */
export type ChatAnswer = Answer<undefined>;
