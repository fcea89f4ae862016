import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the sources: what `npm run build:gguf` installs. */
const FOLDER = new URL('../../../gguf/', import.meta.url);
const PROGRAM = new URL('llama.mjs', FOLDER);
const LIBRARY = fileURLToPath(new URL('node_modules/node-llama-cpp/package.json', FOLDER));
/** How such a file begins: its name, and a version that is known. */
const BEGINNINGS: readonly (string | undefined)[] = ['GGUF\u0002\0\0\0', 'GGUF\u0003\0\0\0'];
const BEGINNING_BYTES = 8;

export type ChatItem =
  | { readonly type: 'system' | 'user'; readonly text: string }
  | { readonly type: 'model'; readonly response: readonly string[] };

/** What becomes of an answer: tokens asked and answered, and why it stopped. */
export interface LlamaEnd {
  readonly asked: number;
  readonly answered: number;
  readonly stopped: string;
}

/** A model that is loaded (services/responder/gguf/llama.mjs). */
export interface Llama {
  answer(
    history: readonly ChatItem[],
    options: {
      readonly maxTokens: number | undefined;
      readonly signal: AbortSignal;
      readonly onText: (text: string) => void;
      readonly sampling: object;
      readonly stop: readonly string[];
    },
  ): Promise<LlamaEnd | undefined>;
  close(): Promise<void>;
}

/** Whether the library was installed on this machine. */
export function isLlamaInstalled(): boolean {
  return existsSync(LIBRARY);
}

/** Why a file cannot be a model, if so: what is expected of it. */
export function ggufMistake(path: string): string | undefined {
  if (!isLlamaInstalled()) return 'gguf: needs `npm run build:gguf` on this machine first';
  // guard: gguf-beginning
  if (!BEGINNINGS.includes(beginningOf(path))) return 'expected behind gguf: the path of a model in the format GGUF';
  return undefined;
}

function beginningOf(path: string): string | undefined {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(BEGINNING_BYTES);
      return bytes.toString('latin1', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Loads a model into this process, which may take a while. */
export async function openLlama(
  path: string,
  options: { readonly sequences: number; readonly contextMax: number },
): Promise<Llama> {
  const library = (await import(PROGRAM.href)) as {
    openLlama(path: string, limits: typeof options): Promise<Llama>;
  };
  return library.openLlama(path, options);
}
