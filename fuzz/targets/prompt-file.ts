import { deepEqual } from 'node:assert/strict';
import { parsePromptFile, writePromptFile } from '../../packages/cli/dist/input/prompt-file.js';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** A prompt as its author writes it: YAML front matter and Markdown. */
export function fuzz(input: Uint8Array): boolean {
  const prompt = read(() => parsePromptFile(textOf(input)), 'PromptFileError');
  if (prompt !== undefined) deepEqual(parsePromptFile(writePromptFile(prompt)), prompt);
  return prompt !== undefined;
}
