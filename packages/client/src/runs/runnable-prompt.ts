import type { Answer } from './answer.js';
import type { RunEvent, RunOptions } from './runs.js';

/** One prompt, ready to be run. */
export interface RunnablePrompt {
  run(vars?: Readonly<Record<string, string>>, options?: Omit<RunOptions, 'label' | 'version'>): Promise<Answer>;
  /** Chunks and their text as they are authenticated; the last event is the verified answer. */
  stream(
    vars?: Readonly<Record<string, string>>,
    options?: Omit<RunOptions, 'label' | 'version'>,
  ): AsyncGenerator<RunEvent>;
}
