import type { ChatMessage } from '@bulla/crypto';
import { chatMessagesSchema } from '@bulla/crypto';
import type { AppObject } from '../app-body.js';
import { isAppObject, withoutNulls } from '../app-body.js';
import { refused } from '../app-errors.js';
import { firstIssue } from './issue.js';

/** Members of a message that a sealed question holds. */
const MEMBERS: ReadonlySet<string> = new Set(['role', 'content', 'refusal', 'tool_calls', 'tool_call_id']);
/** Names of speakers: a sealed question has no place for them, and models hardly see them. */
const LEFT_OUT: ReadonlySet<string> = new Set(['name']);
const AT = '/messages';

/**
 * Messages of OpenAI's chat completions as a sealed question holds them. Of what a model said before, apps send back all
 * that they got, so its further members are left out; of other messages they are refused by name.
 * @param passUnknown leaves them out of all
 * @throws {BullaError} validation_failed
 */
export function readMessages(given: unknown, passUnknown: boolean): readonly ChatMessage[] {
  if (!Array.isArray(given)) throw refused(AT, 'must be a list of messages');
  const messages = given.map((message, index) => readMessage(message, `${AT}/${index}`, passUnknown));
  const { data, error } = chatMessagesSchema.safeParse(messages);
  if (error !== undefined) throw firstIssue(AT, error);
  return data;
}

function readMessage(given: unknown, at: string, passUnknown: boolean): object {
  if (!isAppObject(given)) throw refused(at, 'must be a message');
  const { content, tool_calls: calls, ...message } = withoutNulls(given);
  const isAnswer = message['role'] === 'assistant';
  const unknown = Object.keys(message).find((name) => !MEMBERS.has(name) && !LEFT_OUT.has(name));
  // guard: app-unknown-member
  if (unknown !== undefined && !isAnswer && !passUnknown)
    throw refused(`${at}/${unknown}`, 'is a member that a sealed question has no place for: leave it out');
  return {
    ...Object.fromEntries(Object.entries(message).filter(([name]) => MEMBERS.has(name))),
    ...(content !== undefined && { content: readContent(content, `${at}/content`) }),
    ...(Array.isArray(calls) && calls.length > 0 && { tool_calls: calls.map(readCall) }),
  };
}

function readContent(content: unknown, at: string): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown, index) => (isAppObject(part) ? readPart(part, `${at}/${index}`) : part));
}

/** A part without what providers add to it. */
function readPart(part: AppObject, at: string): object {
  const { type, text, refusal } = part;
  if (type === 'text') return { type, text };
  if (type === 'refusal') return { type, refusal };
  if (type === 'image_url') return { type, image_url: readImage(part['image_url'], `${at}/image_url`) };
  if (type === 'file') return { type, file: readFile(part['file'], `${at}/file`) };
  throw refused(`${at}/type`, 'must be text, image_url or file');
}

function readImage(given: unknown, at: string): object {
  const { url, detail } = isAppObject(given) ? given : { url: given };
  if (typeof url !== 'string' || !url.startsWith('data:'))
    throw refused(`${at}/url`, 'must be a data: URL with the image in it: a responder fetches nothing');
  return { url, ...(typeof detail === 'string' && { detail }) };
}

function readFile(given: unknown, at: string): object {
  const { file_data: data, filename } = isAppObject(given) ? given : {};
  if (typeof data !== 'string')
    throw refused(`${at}/file_data`, 'must be a data: URL with the file in it: no file is kept for an id');
  return { file_data: data, ...(typeof filename === 'string' && { filename }) };
}

/** A call without what providers add to it. */
function readCall(given: unknown): unknown {
  if (!isAppObject(given) || !isAppObject(given['function'])) return given;
  const { name, arguments: text } = given['function'];
  return { id: given['id'], type: given['type'] ?? 'function', function: { name, arguments: text } };
}
