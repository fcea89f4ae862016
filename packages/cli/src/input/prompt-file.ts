import { parseTemplate, TemplateError, templateVariables } from '@bulla/contract';
import { STATEMENT_MAX_BYTES, utf8 } from '@bulla/crypto';
import type { ParameterName } from '@bulla/crypto';
import type { FrontMatter } from './front-matter.js';
import { lineOfPlace, readFrontMatter, VALUE_MAX } from './front-matter.js';
import type { PromptModel } from './model-parameters.js';
import { writtenModel } from './model-parameters.js';
import type { PromptFileMistake } from './prompt-file-error.js';
import { PromptFileError } from './prompt-file-error.js';
import { yaml } from './yaml.js';

/** A variable that a prompt takes. */
export interface Variable {
  readonly type: 'string';
  /** Longest value in characters. */
  readonly max: number;
  /** Used when the asker gives none; without it the variable is required. */
  readonly default?: string | undefined;
}

export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What a prompt file says, as the statement that is sealed will hold it. */
export interface PromptSource {
  readonly type: 'text' | 'chat';
  readonly messages: readonly PromptMessage[];
  readonly vars: Readonly<Record<string, Variable>>;
  readonly model: PromptModel;
  /** Whether askers may add their own messages. */
  readonly acceptsMessages: boolean;
  /** What of the model askers may set; absent where they may set nothing. */
  readonly acceptsParameters?: readonly ParameterName[];
  /** Who may run and read it and on which responders; absent: the client's defaults. */
  readonly acl?: {
    readonly invoke?: readonly string[];
    readonly read?: readonly string[];
    readonly responders?: readonly string[];
  };
}

const ROLE_HEADING = /^# (system|user|assistant)[ \t]*$/;
/** Longest list of messages in a version. */
const MESSAGES_MAX = 256;
/** Mistakes in the text after which no further ones are looked for. */
const TEXT_MISTAKES_MAX = 20;

/**
 * Reads a prompt file: Markdown with optional YAML front matter. The body is one user message, or sections
 * `# system`, `# user`, `# assistant` when the front matter says `type: chat`.
 * @throws {PromptFileError}
 */
export function parsePromptFile(file: string): PromptSource {
  requireSealable(file);
  const { front, body, bodyLine } = split(file);
  const { settings, isChat, declared, mistakes: inFront } = readFrontMatter(front);
  const mistakes = [...inFront];
  const messages = isChat ? sections(body, bodyLine, mistakes) : [{ role: 'user' as const, content: trimLines(body) }];
  if (messages.length > 0 && messages.every(({ content }) => content === ''))
    mistakes.push({ what: 'the prompt is empty' });
  mistakes.push(...textMistakes(body, bodyLine, declared));
  if (settings === undefined || mistakes.length > 0) throw new PromptFileError(inOrder(mistakes));
  const used = templateVariables(messages.flatMap(({ content }) => parseTemplate(content)));
  const source = {
    type: settings.type,
    messages,
    vars: variables(settings.vars, used),
    model: settings.model,
    acceptsMessages: settings.messages,
    ...(settings.parameters && { acceptsParameters: settings.parameters }),
  };
  return settings.acl === undefined ? source : { ...source, acl: dropUndefined(settings.acl) };
}

/** Where a file names responders that an organisation does not have. */
export function unlistedResponders(
  file: string,
  { acl }: PromptSource,
  listed: readonly string[],
): PromptFileMistake[] {
  const { front } = split(file);
  return (acl?.responders ?? []).flatMap((urn, index) => {
    if (listed.includes(urn)) return [];
    const line = lineOfPlace(front, ['acl', 'responders', String(index)]);
    const what = `the directory lists no such responder; it lists ${listed.join(', ') || 'none'}`;
    return [{ line, at: `acl.responders[${index}]`, what }];
  });
}

/** Writes a prompt as a file in its plainest form: what {@link parsePromptFile} reads back as the same prompt. */
export function writePromptFile(source: PromptSource): string {
  const used = templateVariables(source.messages.flatMap(({ content }) => parseTemplate(content)));
  const front = {
    ...(source.type === 'chat' && { type: 'chat' }),
    ...(Object.keys(source.model).length > 1 || source.model.name !== 'default'
      ? { model: writtenModel(source.model) }
      : {}),
    ...(JSON.stringify(source.vars) === JSON.stringify(variables(undefined, used)) ? {} : { vars: source.vars }),
    ...(source.acl && { acl: source.acl }),
    ...(source.acceptsMessages && { messages: true }),
    ...(source.acceptsParameters && { parameters: source.acceptsParameters }),
  };
  const head = Object.keys(front).length === 0 ? '' : `---\n${yaml().stringify(front, { lineWidth: 0 })}---\n`;
  if (source.type === 'text') {
    const text = `${source.messages[0]?.content ?? ''}\n`;
    // A text that itself begins as a file does: behind front matter, which may be empty, it is text.
    return `${head === '' && /^(?:\uFEFF|---\r?\n)/.test(text) ? '---\n---\n' : head}${text}`;
  }
  return `${head}${source.messages.map(({ role, content }) => `# ${role}\n\n${content}\n`).join('\n')}`;
}

/** What no version can carry is refused before anything looks at it. */
function requireSealable(file: string): void {
  if (file.includes('\u0000')) throw new PromptFileError('the prompt holds the character U+0000, so it is not text');
  // A character has at least one byte; counting those of a long text is left out.
  if (file.length > STATEMENT_MAX_BYTES || utf8(file).length > STATEMENT_MAX_BYTES)
    throw new PromptFileError(`the prompt is larger than ${STATEMENT_MAX_BYTES} bytes`);
}

/** @returns the front matter, the text, and the number of the line with which the text begins */
function split(file: string): { front: string; body: string; bodyLine: number } {
  const text = file.startsWith('\uFEFF') ? file.slice(1) : file;
  if (!/^---\r?\n/.test(text)) return { front: '', body: text, bodyLine: 1 };
  const match = /^---\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n|$)/m.exec(text);
  if (match === null)
    throw new PromptFileError([{ line: 1, what: 'the front matter that begins here is not closed by a line ---' }]);
  return { front: match[1] ?? '', body: text.slice(match[0].length), bodyLine: linesIn(match[0]) + 1 };
}

/** The sections of a chat prompt; nothing but blank lines may stand before the first heading. */
function sections(body: string, bodyLine: number, mistakes: PromptFileMistake[]): PromptMessage[] {
  const messages: { role: PromptMessage['role']; lines: string[] }[] = [];
  const lines = body.split(/\r?\n/);
  const stray = lines.findIndex((line) => line.trim() !== '');
  for (const line of lines) {
    const role = ROLE_HEADING.exec(line)?.[1] as PromptMessage['role'] | undefined;
    if (role !== undefined) messages.push({ role, lines: [] });
    else messages.at(-1)?.lines.push(line);
  }
  if (stray >= 0 && !ROLE_HEADING.test(lines[stray] ?? ''))
    mistakes.push({
      line: bodyLine + stray,
      what: 'a chat prompt begins with a heading: # system, # user or # assistant',
    });
  else if (messages.length === 0)
    mistakes.push({ what: 'a chat prompt needs a section: # system, # user or # assistant' });
  else if (messages.length > MESSAGES_MAX)
    mistakes.push({ what: `a chat prompt has at most ${MESSAGES_MAX} sections; this one has ${messages.length}` });
  return messages.map(({ role, lines: own }) => ({ role, content: trimLines(own.join('\n')) }));
}

/** Where `{{` does not begin a variable, and the variables that are used and not declared, where any is. */
function textMistakes(body: string, bodyLine: number, declared: readonly string[] | undefined): PromptFileMistake[] {
  const mistakes: PromptFileMistake[] = [];
  const lineOf = (at: number) => bodyLine + linesIn(body.slice(0, at));
  let text = body;
  for (let at = faultIn(text); at !== undefined; at = faultIn(text)) {
    mistakes.push({ line: lineOf(at), what: aboutBraces(body.slice(at, at + 256)) });
    if (mistakes.length === TEXT_MISTAKES_MAX) return mistakes;
    // Without these two, the next one is found at its own place.
    text = `${text.slice(0, at)}  ${text.slice(at + 2)}`;
  }
  if (declared === undefined) return mistakes;
  for (const name of templateVariables(parseTemplate(text)).filter((used) => !declared.includes(used))) {
    const what = `{{${name}}} is used but not declared under vars; write ${name}: {} there`;
    mistakes.push({ line: lineOf(text.search(new RegExp(`(?<!\\\\)\\{\\{${name}\\}\\}`))), what });
  }
  return mistakes;
}

function faultIn(text: string): number | undefined {
  try {
    parseTemplate(text);
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError && error.at !== undefined) return error.at;
    throw error;
  }
}

/** What is wrong with braces, and what to write; only what looks like a name is repeated. */
function aboutBraces(text: string): string {
  const name = /^\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]*\}\}/.exec(text)?.[1];
  if (name !== undefined)
    return `spaces stand around the name of a variable; write {{${name}}}, or \\{{ for braces that are no variable`;
  return `{{ does not hold one variable name (letters, digits and _); write \\{{ for braces that are no variable`;
}

/** By their lines; what concerns the whole file comes last. */
function inOrder(mistakes: readonly PromptFileMistake[]): PromptFileMistake[] {
  const place = ({ line }: PromptFileMistake) => line ?? Number.MAX_SAFE_INTEGER;
  return mistakes.toSorted((one, other) => place(one) - place(other));
}

/** How many lines end in a text. */
function linesIn(text: string): number {
  return text.split('\n').length - 1;
}

function variables(declared: FrontMatter['vars'], used: readonly string[]): Record<string, Variable> {
  if (declared === undefined) return Object.fromEntries(used.map((name) => [name, { type: 'string', max: VALUE_MAX }]));
  return Object.fromEntries(Object.entries(declared).map(([name, variable]) => [name, dropUndefined(variable)]));
}

/** Without the blank lines around it. */
function trimLines(text: string): string {
  return text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd();
}

/** Without members that are undefined, so that equal prompts are equal JSON. */
function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
