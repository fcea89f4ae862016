import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { draftOf, fileOf } from './prompt-draft.js';

type Statement = Parameters<typeof fileOf>[0];

/** The statement that a push of this file would seal, as far as files are concerned. */
function statementOf(file: string): Statement {
  const { draft } = draftOf(file, undefined);
  const acl = { invoke: ['grp:members'], read: ['grp:authors'], responders: [], ...draft.acl };
  const input = { messages: draft.acceptsMessages, parameters: draft.acceptsParameters };
  return { content: draft.content, input, acl, attachments: [] } as unknown as Statement;
}

const plain = 'Say hello to {{name}}.\n';

describe('a prompt file', () => {
  it('travels as what it says, without its own text, where that gives it back', () => {
    expect(draftOf(plain, 'first').draft).toEqual({
      content: {
        messages: [{ role: 'user', content: 'Say hello to {{name}}.' }],
        vars: { name: { type: 'string', max: 65_536 } },
        model: { name: 'default' },
      },
      acl: undefined,
      acceptsMessages: false,
      message: 'first',
    });
  });

  it.each([
    ['plain text', plain],
    ['text without a last newline', 'Say hello.'],
    ['Windows line ends', 'Say\r\nhello.\r\n'],
    ['a byte order mark', '\uFEFFSay hello.\n'],
    ['front matter with a comment', '---\n# why\nvars: {name: {max: 10}}\n---\nSay hello to {{name}}.\n'],
    ['blank lines around', '\n\n  Say hello.  \n\n\n'],
    ['a chat', '---\ntype: chat\n---\n# system\n\nBe kind.\n\n# user\n\n{{question}}\n'],
    ['a chat of one message', '---\ntype: chat\n---\n# user\n\nSay hello.\n'],
    ['access rights', '---\nacl:\n  invoke: [grp:members]\n---\nSay hello.\n'],
    [
      'tools, a format and what askers may set',
      `---
model:
  name: small
  temperature: 0.5
  max_output_tokens: 100
  seed: 7
  stop:
    - END
  tools:
    - type: function
      function:
        name: look_up
        parameters:
          type: object
          properties:
            constructor:
              type: string
  response_format:
    type: json_schema
    json_schema:
      name: answer
      schema:
        type: object
parameters:
  - temperature
  - tools
---
Say hello.
`,
    ],
    ['a model', '---\nmodel:\n  name: small\n  temperature: 0.5\n  max_output_tokens: 100\n---\nSay hello.\n'],
    ['messages of the asker', '---\nmessages: true\n---\nSay hello.\n'],
    ['a literal brace', 'Write \\{{ as it is.\n'],
  ])('comes back byte for byte: %s', (_name, file) => expect(fileOf(statementOf(file))).toBe(file));

  it('comes back byte for byte whatever is in it', () => {
    const words = fc.stringMatching(/^[ -z\n\t\r~äé–🏺]{0,80}$/u);
    fc.assert(
      fc.property(words, fc.constantFrom('', '\n', '\r\n', '\n\n'), (text, end) => {
        fc.pre(text.trim() !== '' && !text.startsWith('---'));
        const file = `${text}${end}`;
        expect(fileOf(statementOf(file))).toBe(file);
      }),
    );
  });
});

describe('a pulled file', () => {
  const file = '---\n# kept\nacl: {invoke: [grp:members]}\n---\nSay hello.\n';

  it.each([
    ['another text than what runs', { source: file.replace('hello', 'goodbye') }, /says something else than what runs/],
    [
      'other rights than those that count',
      { source: file.replace('members', 'everybody') },
      /says something else than what runs/,
    ],
    [
      'something that is no prompt file',
      { source: '---\nwrong: 1\n---\nSay hello.\n' },
      /cannot be read: line 2: unknown key wrong;/,
    ],
  ])('is refused when it says %s', (_name, change, message) => {
    const statement = statementOf(file);
    const changed = { ...statement, content: { ...statement.content, ...change } };
    expect(() => fileOf(changed)).toThrow(
      expect.objectContaining({ name: 'CheckFailed', message: expect.stringMatching(message) }),
    );
  });

  it('is refused where the version has files that it would not hold [guard: pull-attachments]', () => {
    const attachments = [{ id: 'policy.pdf', key: 'k', size: 1, hash: 'h' }];
    expect(() => fileOf({ ...statementOf(file), attachments })).toThrow(
      expect.objectContaining({
        name: 'PromptFileError',
        message: 'this version has attachments (policy.pdf), and a prompt file holds none',
      }),
    );
  });

  it('lets faults of its own through', () => {
    const statement = statementOf(file);
    const changed = { ...statement, content: { ...statement.content, source: 7 as unknown as string } };
    expect(() => fileOf(changed)).toThrow(TypeError);
  });
});
