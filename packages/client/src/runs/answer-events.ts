import type { CompletionChunk } from '@bulla/crypto';
import { chunkText } from '@bulla/crypto';
import type { Answer, AnsweredPrompt } from './answer.js';

/** Chunks of an answer, together those that came together, and at the end the answer, verified. */
export type AnswerChunks<Of extends Answer<AnsweredPrompt | undefined>> = AsyncGenerator<
  readonly CompletionChunk[],
  Of,
  undefined
>;

/**
 * What a stream yields: chunks as they are authenticated, each with the text that it adds, and at the end, once, the
 * verified answer.
 */
export type AnswerEvent<Of extends Answer<AnsweredPrompt | undefined>> =
  | { readonly chunk: CompletionChunk; readonly text: string; readonly answer?: undefined }
  | { readonly answer: Of; readonly chunk?: undefined; readonly text?: undefined };

/** The answer at the end of its chunks. @throws what they throw */
export async function answerOf<Of extends Answer<AnsweredPrompt | undefined>>(chunks: AnswerChunks<Of>): Promise<Of> {
  for (;;) {
    const { done, value } = await chunks.next();
    if (done === true) return value;
  }
}

/** The same piece by piece. Returning early ends the run. */
export async function* eventsOf<Of extends Answer<AnsweredPrompt | undefined>>(
  chunks: AnswerChunks<Of>,
): AsyncGenerator<AnswerEvent<Of>> {
  try {
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) {
        yield { answer: value };
        return;
      }
      for (const chunk of value) yield { chunk, text: chunkText(chunk) };
    }
  } finally {
    await chunks.return(undefined as never);
  }
}
