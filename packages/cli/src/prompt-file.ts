import { parseTemplate, TemplateError, templateVariables, VARIABLE_PATTERN } from '@bulla/contract';
import { isVisibleName, STATEMENT_MAX_BYTES, utf8 } from '@bulla/crypto';
import type { Document } from 'yaml';
import { isMap, isNode, isScalar, LineCounter, parseDocument, stringify } from 'yaml';
import * as z from 'zod';

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
  readonly model: { readonly name: string; readonly temperature?: number; readonly max_output_tokens?: number };
  /** Whether askers may add their own messages. */
  readonly acceptsMessages: boolean;
  /** Who may run and read it and on which responders; absent: the client's defaults. */
  readonly acl?: {
    readonly invoke?: readonly string[];
    readonly read?: readonly string[];
    readonly responders?: readonly string[];
  };
}

/** Where a prompt file is wrong and what was expected; never its text. */
export class PromptFileError extends Error {
  override readonly name = 'PromptFileError';
}

const VALUE_MAX = 65_536;
const ROLE_HEADING = /^# (system|user|assistant)[ \t]*$/;
const urns = z.array(z.string()).optional();
const Declaration = z.strictObject({
  type: z.literal('string').default('string'),
  max: z.int().min(1).max(VALUE_MAX).default(VALUE_MAX),
  default: z.string().max(VALUE_MAX).optional(),
});
const FrontMatter = z.strictObject({
  type: z.enum(['text', 'chat']).default('text'),
  model: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .max(128)
        .refine(isVisibleName, 'holds a character that does not show, or a space at an end')
        .default('default'),
      temperature: z.number().min(0).max(2).optional(),
      max_output_tokens: z.int().min(1).max(1_000_000).optional(),
    })
    .default({ name: 'default' }),
  vars: z.record(z.string().regex(VARIABLE_PATTERN), Declaration).optional(),
  acl: z.strictObject({ invoke: urns, read: urns, responders: urns }).optional(),
  messages: z.boolean().default(false),
});

/**
 * Reads a prompt file: Markdown with optional YAML front matter. The body is one user message, or sections
 * `# system`, `# user`, `# assistant` when the front matter says `type: chat`.
 * @throws {PromptFileError}
 */
export function parsePromptFile(file: string): PromptSource {
  requireSealable(file);
  const { front, body } = split(file);
  const settings = parseFrontMatter(front);
  const messages = settings.type === 'chat' ? sections(body) : [{ role: 'user' as const, content: trimLines(body) }];
  if (messages.every(({ content }) => content === '')) throw new PromptFileError('the prompt is empty');
  const used = templateVariables(messages.flatMap(({ content }) => pieces(content)));
  const source = {
    type: settings.type,
    messages,
    vars: variables(settings.vars, used),
    model: dropUndefined(settings.model),
    acceptsMessages: settings.messages,
  };
  return settings.acl === undefined ? source : { ...source, acl: dropUndefined(settings.acl) };
}

/** Writes a prompt as a file in its plainest form: what {@link parsePromptFile} reads back as the same prompt. */
export function writePromptFile(source: PromptSource): string {
  const used = templateVariables(source.messages.flatMap(({ content }) => pieces(content)));
  const front = {
    ...(source.type === 'chat' && { type: 'chat' }),
    ...(Object.keys(source.model).length > 1 || source.model.name !== 'default' ? { model: source.model } : {}),
    ...(JSON.stringify(source.vars) === JSON.stringify(variables(undefined, used)) ? {} : { vars: source.vars }),
    ...(source.acl && { acl: source.acl }),
    ...(source.acceptsMessages && { messages: true }),
  };
  const head = Object.keys(front).length === 0 ? '' : `---\n${stringify(front, { lineWidth: 0 })}---\n`;
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

function split(file: string): { front: string; body: string } {
  const text = file.startsWith('\uFEFF') ? file.slice(1) : file;
  if (!/^---\r?\n/.test(text)) return { front: '', body: text };
  const match = /^---\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n|$)/m.exec(text);
  if (match === null)
    throw new PromptFileError('the front matter that starts with --- on line 1 is not closed by a line ---');
  return { front: match[1] ?? '', body: text.slice(match[0].length) };
}

function parseFrontMatter(front: string): z.infer<typeof FrontMatter> {
  const lines = new LineCounter();
  const document = parseDocument(front, { uniqueKeys: true, merge: false, schema: 'core', lineCounter: lines });
  const problem = document.errors[0];
  if (problem !== undefined) {
    // Counted from the first line of the file, which is the opening ---.
    throw new PromptFileError(`the front matter is not valid YAML at line ${(problem.linePos?.[0].line ?? 0) + 1}`);
  }
  const result = FrontMatter.safeParse(plain(document) ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.map(String) ?? [];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const offset = offsetOf(document, path, unknown[0]);
  const line = offset === undefined ? '' : ` at line ${lines.linePos(offset).line + 1}`;
  const what = unknown.length > 0 ? `unknown key ${unknown.join(', ')}` : (issue?.message ?? 'wrong shape');
  throw new PromptFileError(`front matter${line}${path.length === 0 ? '' : `, at ${path.join('.')}`}: ${what}`);
}

/** Where in the YAML a value begins, or a key of it. */
function offsetOf(document: Document, path: readonly string[], key: string | undefined): number | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(node)
    ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
    : undefined;
  const found = pair?.key ?? node;
  return isNode(found) ? found.range?.[0] : undefined;
}

/** The value of a YAML document; aliases are refused, since few lines with them can stand for gigabytes. */
function plain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new PromptFileError('the front matter uses an alias (*name); write the value out');
  }
}

/** The sections of a chat prompt; nothing but blank lines may stand before the first heading. */
function sections(body: string): PromptMessage[] {
  const messages: { role: PromptMessage['role']; lines: string[] }[] = [];
  for (const line of body.split(/\r?\n/)) {
    const role = ROLE_HEADING.exec(line)?.[1] as PromptMessage['role'] | undefined;
    if (role !== undefined) messages.push({ role, lines: [] });
    else if (messages.length > 0) messages.at(-1)?.lines.push(line);
    else if (line.trim() !== '')
      throw new PromptFileError('a chat prompt begins with a heading: # system, # user or # assistant');
  }
  if (messages.length === 0)
    throw new PromptFileError('a chat prompt needs a section: # system, # user or # assistant');
  return messages.map(({ role, lines }) => ({ role, content: trimLines(lines.join('\n')) }));
}

function variables(
  declared: Record<string, z.infer<typeof Declaration>> | undefined,
  used: readonly string[],
): Record<string, Variable> {
  if (declared === undefined) return Object.fromEntries(used.map((name) => [name, { type: 'string', max: VALUE_MAX }]));
  const missing = used.find((name) => !Object.hasOwn(declared, name));
  if (missing !== undefined) throw new PromptFileError(`{{${missing}}} is used but not declared under vars`);
  return Object.fromEntries(Object.entries(declared).map(([name, variable]) => [name, dropUndefined(variable)]));
}

function pieces(content: string): ReturnType<typeof parseTemplate> {
  try {
    return parseTemplate(content);
  } catch (error) {
    if (error instanceof TemplateError) throw new PromptFileError(`${error.message}; write \\{{ for a literal {{`);
    throw error;
  }
}

/** Without the blank lines around it. */
function trimLines(text: string): string {
  return text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd();
}

/** Without members that are undefined, so that equal prompts are equal JSON. */
function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
