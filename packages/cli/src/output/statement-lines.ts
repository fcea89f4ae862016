import type { OpenedVersion } from '@bulla/client';
import { modelParameters } from '@bulla/crypto';
import { CheckFailed } from './exit-code.js';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { fileOf } from '../input/prompt-draft.js';
import { PromptFileError } from '../input/prompt-file-error.js';

type Statement = OpenedVersion['statement'];

/** One thing that a version says beside its text. */
export interface StatementRow {
  readonly name: string;
  readonly value: string;
}

/**
 * Everything that a version says, but for its text and the keys of its attachments: who wrote it, who may do what with it,
 * what it takes and which model it asks for. A member that this list does not know is shown as it stands.
 * @param self as whom names are shown
 */
export function rowsOf({ chash, author, statement }: OpenedVersion, self: string | Beholder): StatementRow[] {
  const { acl, content, attachments, custody, iat, message, protect_until } = statement;
  const { vars, model, source } = content;
  const listed = (names: readonly string[], nobody: string) => names.join(', ') || nobody;
  return [
    { name: 'content', value: `sha256:${chash}` },
    { name: 'written', value: `${instant(iat)} by ${shortName(author, self)}` },
    { name: 'message', value: message === '' ? '(none)' : message },
    { name: 'may run', value: listed(acl.invoke, '(nobody)') },
    { name: 'may read', value: listed(acl.read, '(nobody)') },
    {
      name: 'runs on',
      value: listed(
        acl.responders.map((urn) => shortName(urn, self)),
        '(nowhere)',
      ),
    },
    { name: 'custody', value: custody },
    { name: 'secret until', value: protect_until },
    { name: 'model', value: modelText(model) },
    { name: 'own messages', value: ownMessagesText(statement) },
    ...ownParameters(statement).map((value) => ({ name: 'askers may set', value })),
    ...Object.entries(vars).map(([name, variable]) => ({ name: `{{${name}}}`, value: variableText(variable) })),
    ...attachments.map(({ id, size, hash }) => ({ name: `file ${id}`, value: `${size} bytes, sha256 ${hexOf(hash)}` })),
    ...further(statement),
    ...(source === undefined ? [] : [{ name: 'author’s file', value: fileText(statement, source) }]),
  ];
}

/** The text in lines. A line of a message begins with a bar, so that no text can pass for anything else on the screen. */
export function textOf({ content }: Statement): string[] {
  return content.messages.flatMap(({ role, content: text }) => [
    `# ${role}`,
    ...text.split('\n').map((line) => (line === '' ? '|' : `| ${line}`)),
  ]);
}

/** As `sha256sum` prints it. */
function hexOf(hash: string): string {
  return Buffer.from(hash, 'base64url').toString('hex');
}

/** RFC 3339, from seconds. */
export function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Whether who runs it may add messages. */
export function ownMessagesText({ input }: Statement): string {
  return input.messages ? 'askers may add theirs' : 'askers may add none';
}

/** What of the model the asker may set, where that is anything. */
export function ownParameters({ input }: Statement): string[] {
  return input.parameters === undefined ? [] : [input.parameters.join(', ')];
}

export function modelText({ name, temperature, max_output_tokens, ...others }: Statement['content']['model']): string {
  return [
    name,
    ...(temperature === undefined ? [] : [`temperature ${temperature}`]),
    ...(max_output_tokens === undefined ? [] : [`at most ${max_output_tokens} tokens`]),
    ...Object.entries({ ...others, ...modelParameters(others) }).map(
      ([member, value]) => `${member} ${JSON.stringify(value)}`,
    ),
  ].join(', ');
}

function variableText({ type, max, default: initial, ...others }: Statement['content']['vars'][string]): string {
  return [
    `${type} of at most ${max} characters`,
    initial === undefined ? 'required' : `unless given ${JSON.stringify(initial)}`,
    ...Object.entries(others).map(([member, value]) => `${member} ${JSON.stringify(value)}`),
  ].join(', ');
}

/** Members that have a row of their own, are the text, or say only which version it is. */
const SHOWN: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'sub',
  'name',
  'ver',
  'iat',
  'jti',
  'purpose',
  'custody',
  'n',
  'protect_until',
  'acl',
  'input',
  'content',
  'attachments',
  'message',
  'messages',
  'vars',
  'model',
  'source',
]);

/** Members that a later format may have. */
function further(statement: Statement): StatementRow[] {
  return Object.entries({ ...statement.content, ...statement })
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => ({ name, value: JSON.stringify(value) }));
}

/** What people's tools make of the version; it does not run. */
function fileText(statement: Statement, source: string): string {
  const lines = source.split('\n').length;
  try {
    fileOf(statement);
  } catch (error) {
    if (error instanceof CheckFailed) return `SAYS SOMETHING ELSE than what runs (${lines} lines)`;
    if (!(error instanceof PromptFileError)) throw error;
  }
  return `${source.length} characters in ${lines} lines that say the same as what runs`;
}

/** Who can read a version beside those that its rights name. */
export function custodyText({ custody }: Pick<Statement, 'custody'>): string {
  return custody === 'managed'
    ? 'managed: the operator of the vault can read it, too'
    : 'sealed: the vault cannot read it';
}
