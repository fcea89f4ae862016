import type { Answer, AnsweredPrompt } from '../runs/answer.js';

/** One request of an app, in the interface of its vendor, as a server or a replaced `fetch` got it. */
export interface AppRequest {
  /** GET or POST. */
  readonly method: string;
  /** The path below the base that the app was given, without query: `/chat/completions`. */
  readonly path: string;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
  /** Aborts when the app leaves: the run is stopped then. */
  readonly signal: AbortSignal;
}

/** What the app is told. */
export interface AppResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A whole JSON document; or server-sent events as text, one or several whole events in each piece. */
  readonly body: string | AsyncIterable<string>;
}

/** What is told of each verified answer, and keeps it so that it can be proved later; nothing unless given. */
export interface AnswerKeeper {
  /** The id that the next answer is kept under, as its response names it; undefined where none is kept now. */
  newId(): string | undefined;
  /**
   * Told of every verified answer, before its end leaves; also of one without an id, which is counted alone. What goes
   * wrong with keeping must not be the app's trouble: it throws nothing.
   */
  keep(id: string | undefined, answer: Answer<AnsweredPrompt | undefined>): Promise<void>;
}
