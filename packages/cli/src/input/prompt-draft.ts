import type { OpenedVersion, PromptDraft } from '@bulla/client';
import { CheckFailed } from '../output/exit-code.js';
import { inOrder } from './model-parameters.js';
import type { PromptSource } from './prompt-file.js';
import { parsePromptFile, writePromptFile } from './prompt-file.js';
import { PromptFileError } from './prompt-file-error.js';

type Statement = OpenedVersion['statement'];

/** What a prompt file becomes when it is pushed. */
export interface ParsedFile {
  readonly source: PromptSource;
  readonly draft: PromptDraft;
}

/**
 * Reads a prompt file as a draft. The file's own text travels with it, sealed, where writing the rest plainly would
 * not give it back byte for byte.
 * @param name what its author calls the file, for its mistakes
 * @throws {PromptFileError}
 */
export function draftOf(file: string, message: string | undefined, name?: string): ParsedFile {
  const source = name === undefined ? parsePromptFile(file) : parseNamed(file, name);
  const content = { messages: [...source.messages], vars: { ...source.vars }, model: source.model };
  const { acceptsMessages, acceptsParameters } = source;
  const input = { messages: acceptsMessages, parameters: acceptsParameters && [...acceptsParameters] };
  const isPlainest = writePromptFile(sourceOf(content, input)) === file;
  const draft: PromptDraft = {
    content: isPlainest ? content : { ...content, source: file },
    acl: aclOf(source),
    acceptsMessages,
    acceptsParameters,
    message,
  };
  return { source, draft };
}

function parseNamed(file: string, name: string): PromptSource {
  try {
    return parsePromptFile(file);
  } catch (error) {
    throw error instanceof PromptFileError ? error.in(name) : error;
  }
}

/**
 * The file that a version was pushed from, byte for byte.
 * @throws {CheckFailed} if the author's file says something else than the version that runs
 * @throws {PromptFileError} if the version has attachments, which no file holds
 */
export function fileOf({ content, input, acl, attachments }: Statement): string {
  // guard: pull-attachments
  if (attachments.length > 0)
    throw new PromptFileError(
      `this version has attachments (${attachments.map(({ id }) => id).join(', ')}), and a prompt file holds none`,
    );
  const plain = sourceOf(content, input);
  if (content.source === undefined) return writePromptFile(plain);
  const written = parseAgain(content.source);
  const says = ({ messages, vars, model, acceptsMessages, acceptsParameters }: PromptSource) =>
    JSON.stringify({ messages, vars, model, acceptsMessages, acceptsParameters });
  const namedLists = Object.entries(written.acl ?? {}) as [keyof Statement['acl'], readonly string[]][];
  const sameRights = namedLists.every(([list, urns]) => JSON.stringify(urns) === JSON.stringify(acl[list]));
  if (says(written) !== says(plain) || !sameRights) {
    throw new CheckFailed(
      'the file that its author sealed into this version says something else than what runs (check prompt-source)',
    );
  }
  return content.source;
}

function parseAgain(file: string): PromptSource {
  try {
    return parsePromptFile(file);
  } catch (error) {
    if (!(error instanceof PromptFileError)) throw error;
    throw new CheckFailed(
      `the file that its author sealed into this version cannot be read: ${error.message} (check prompt-source)`,
    );
  }
}

/** The prompt of a statement as a file would say it; what is one message of a user is written as text. */
function sourceOf(
  content: Pick<Statement['content'], 'messages' | 'vars' | 'model'>,
  input: Statement['input'],
): PromptSource {
  const { messages, vars, model } = content;
  const isText = messages.length === 1 && messages[0]?.role === 'user';
  return {
    type: isText ? 'text' : 'chat',
    messages,
    vars,
    model: inOrder(model),
    acceptsMessages: input.messages,
    ...(input.parameters && { acceptsParameters: input.parameters }),
  };
}

function aclOf({ acl }: PromptSource): PromptDraft['acl'] {
  if (acl === undefined) return undefined;
  const { invoke, read, responders } = acl;
  return {
    ...(invoke && { invoke: [...invoke] }),
    ...(read && { read: [...read] }),
    ...(responders && { responders: [...responders] }),
  };
}
