import type { ChatAnswer, ChatCompletions, ChatOptions, ChatRequest } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { ChatMessage } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { writeWhole } from '../input/files.js';
import { readParameters, readTokens } from '../input/run-parameters.js';
import { UsageError } from '../input/usage-error.js';
import { readGiven } from '../input/variables.js';
import { answerFooter, readAnswer, WAITING_FOR_ANSWER } from '../output/answer-text.js';
import { styled } from '../output/output.js';
import { collect } from './prompt/prompt.js';

interface ChatCommandOptions {
  readonly message?: string;
  readonly system?: string;
  readonly model?: string;
  readonly responder?: string;
  readonly maxOutputTokens?: string;
  readonly temperature?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
  readonly out?: string;
  readonly showQuestion?: boolean;
}

/** `bulla chat` */
export function addChatCommand(program: Command, context: Context): void {
  program
    .command('chat')
    .description('talk with a model without a stored prompt: sealed to the responder, every answer verified')
    .option('-m, --message <text>', 'ask this and end: text, @file, or - for standard input')
    .option('--system <text>', 'what the model is told first: text or @file')
    .option('--model <name>', 'a model that `bulla models list` shows (default: the responder\u2019s own)')
    .option('--responder <urn>', 'ask this responder (default: the first of the directory)')
    .option('--max-output-tokens <n>', 'no longer answers than this')
    .option('--temperature <n>', 'how much chance there is, from 0 to 2')
    .option('--set <name=value>', 'another parameter: name=value, or name=@file', collect)
    .option('--json', 'with --message: print answer.json, which `bulla verify` proves')
    .option('--show-question', 'with --json: include the question, so that the file proves it as well')
    .option('-o, --out <file>', 'with --message: write to this file instead of standard output')
    .addHelpText(
      'after',
      `
Each line is a message. The conversation is kept in the memory of this command alone; with each message all of it is sealed
to the responder again. At a terminal /clear begins anew and /exit or Ctrl-D ends. A message that gets no whole answer is
not part of the conversation.

The policy says who may chat: bulla policy set --chat GROUP. Tools are for programs: bulla chat runs none.

Examples:
  $ bulla chat
  $ bulla chat --model small --system @house-style.txt
  $ bulla chat -m "Which words of this letter are legal terms?" --json > answer.json && bulla verify answer.json`,
    )
    .action((options: ChatCommandOptions) => chat(context, options));
}

async function chat(context: Context, options: ChatCommandOptions): Promise<void> {
  const { io } = context;
  const { message, system, model, responder, maxOutputTokens, json, out, showQuestion } = options;
  if (message === undefined && (json === true || out !== undefined))
    throw new UsageError('--json and --out are for one question: give it with --message');
  if (showQuestion === true && json !== true) throw new UsageError('--show-question needs --json');
  const parameters = await readParameters(io, options);
  if (parameters?.tools !== undefined)
    throw new UsageError('--set tools: bulla chat runs no tools', 'programs do, by the SDK: docs/guide/chats.md');
  const request: Omit<ChatRequest, 'messages'> = {
    ...parameters,
    ...(model !== undefined && { model }),
    ...(maxOutputTokens !== undefined && { max_completion_tokens: readTokens(maxOutputTokens) }),
  };
  // Only for a vault whose root is the pinned one is what is asked even read.
  const bulla = await context.connect();
  const given = (option: string, text: string) => readGiven(io, option, text, context.keyPlaces);
  const said: ChatMessage[] =
    system === undefined ? [] : [{ role: 'system', content: await given('--system', system) }];
  const completions = bulla.chat.completions;
  const ask = { completions, request, options: { responder, signal: io.signal } };
  const conversation = new Conversation(context, ask, said);
  if (message === undefined) return conversation.hold();
  await conversation.askOnce(await given('--message', message), options);
}

/** Whom a conversation asks, and how. */
interface Partner {
  readonly completions: ChatCompletions;
  readonly request: Omit<ChatRequest, 'messages'>;
  readonly options: ChatOptions;
}

/** What was said so far, and what is said next. */
class Conversation {
  readonly #context: Context;
  readonly #partner: Partner;
  readonly #beginning: readonly ChatMessage[];
  #said: readonly ChatMessage[];

  constructor(context: Context, partner: Partner, beginning: readonly ChatMessage[]) {
    this.#context = context;
    this.#partner = partner;
    this.#beginning = beginning;
    this.#said = beginning;
  }

  /** Reads message after message until there is none. */
  async hold(): Promise<void> {
    const { asker, out } = this.#context;
    if (asker.isTerminal) out.talk(styled('Ctrl-D ends, /clear begins anew', 'faint'));
    for (;;) {
      const line = await asker.nextLine('>');
      if (line === undefined || line === '/exit') break;
      if (line === '/clear') this.#said = this.#beginning;
      else if (line !== '') await this.#next(line);
    }
    if (asker.isTerminal) out.answered();
  }

  async #next(text: string): Promise<void> {
    const { asker, out } = this.#context;
    try {
      await this.#ask(text);
    } catch (error) {
      // At a terminal the conversation goes on without this message.
      if (!asker.isTerminal || !(error instanceof BullaError)) throw error;
      out.error(error.message);
    }
  }

  async #ask(text: string): Promise<void> {
    const { out } = this.#context;
    const { completions, request, options } = this.#partner;
    const messages: readonly ChatMessage[] = [...this.#said, { role: 'user', content: text }];
    const startedMs = performance.now();
    let shown = '';
    const show = (piece: string) => {
      shown = piece;
      out.text(piece);
    };
    let answer: ChatAnswer;
    try {
      answer = await readAnswer(out, completions.stream({ ...request, messages }, options), show);
    } finally {
      if (shown !== '' && !shown.endsWith('\n')) out.text('\n');
    }
    out.talk(...answerFooter(answer, performance.now() - startedMs));
    this.#said = [...messages, ...messagesOf(answer)];
  }

  /** One question, whose answer is printed or written whole. */
  async askOnce(text: string, { json, out: file, showQuestion = false }: ChatCommandOptions): Promise<void> {
    if (json !== true && file === undefined) return this.#ask(text);
    const { out } = this.#context;
    const { completions, request, options } = this.#partner;
    const messages: readonly ChatMessage[] = [...this.#said, { role: 'user', content: text }];
    const startedMs = performance.now();
    const answer = await out.during(WAITING_FOR_ANSWER, completions.create({ ...request, messages }, options));
    const end = answer.text.endsWith('\n') ? '' : '\n';
    const whole = json === true ? answer.toFile({ showQuestion }) : answer.text + end;
    if (file !== undefined) await writeWhole(file, whole);
    else out.document(whole);
    out.talk(...answerFooter(answer, performance.now() - startedMs));
  }
}

/** What the model said, as it is told with the next message. */
function messagesOf({ completion }: ChatAnswer): ChatMessage[] {
  const message = completion.choices[0]?.message;
  const { content, refusal } = message ?? {};
  return [{ role: 'assistant', content: content ?? refusal ?? '' }];
}
