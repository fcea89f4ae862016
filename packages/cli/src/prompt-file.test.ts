import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePromptFile, PromptFileError, writePromptFile } from './prompt-file.js';

const REQUIRED = { type: 'string', max: 65_536 };

describe('a prompt file', () => {
  it('is one user message whose variables are required strings when none is declared', () => {
    expect(parsePromptFile('Triage this claim:\n{{claim}}\n')).toEqual({
      type: 'text',
      messages: [{ role: 'user', content: 'Triage this claim:\n{{claim}}' }],
      vars: { claim: REQUIRED },
      model: { name: 'default' },
      acceptsMessages: false,
    });
  });

  it('is a chat with sections, a model, declared variables and rights', () => {
    const file = `---
type: chat
model: {name: small, temperature: 0.5, max_output_tokens: 800}
vars:
  claim: {type: string, max: 20000}
  locale: {default: en}
acl: {invoke: ["grp:support"]}
messages: true
---
# system

You answer in {{locale}}.

# user
{{claim}}
`;
    expect(parsePromptFile(file)).toEqual({
      type: 'chat',
      messages: [
        { role: 'system', content: 'You answer in {{locale}}.' },
        { role: 'user', content: '{{claim}}' },
      ],
      vars: { claim: { type: 'string', max: 20_000 }, locale: { type: 'string', max: 65_536, default: 'en' } },
      model: { name: 'small', temperature: 0.5, max_output_tokens: 800 },
      acl: { invoke: ['grp:support'] },
      acceptsMessages: true,
    });
  });

  it.each([
    ['an unknown key, by name', '---\ncolour: red\n---\nx', /^front matter at line 2: unknown key colour$/],
    [
      'an unknown key inside, by path',
      '---\nmodel: {nam: x}\n---\nx',
      /^front matter at line 2, at model: unknown key nam$/,
    ],
    ['a variable that is used and not declared', '---\nvars: {a: {}}\n---\n{{b}}', /{{b}} is used but not declared/],
    ['a variable of another type', '---\nvars: {a: {type: number}}\n---\n{{a}}', /vars\.a\.type/],
    ['front matter that is not closed', '---\ntype: chat\nx', /not closed/],
    ['YAML that is none, by line', '---\ntype: [\n---\nx', /not valid YAML at line/],
    ['a key that stands twice', '---\nmessages: true\nmessages: false\n---\nx', /not valid YAML/],
    [
      'a model whose name is two lines',
      '---\nmodel: {name: "m\\nVALID"}\n---\nx',
      /^front matter at line 2, at model\.name: holds a character that does not show/,
    ],
    ['an alias', '---\nvars: {a: &x {max: 5}, b: *x}\n---\nx', /uses an alias/],
    ['text before the first section of a chat', '---\ntype: chat\n---\nhello\n# user\nx', /begins with a heading/],
    ['a chat without sections', '---\ntype: chat\n---\n\n', /needs a section/],
    ['what no version can carry', 'one\u0000two', /U\+0000/],
    ['more than a version holds', 'é'.repeat(200_000), /larger than 262144 bytes/],
    ['an empty prompt', '---\nmessages: true\n---\n\n', /empty/],
    ['a broken variable', 'a {{ x }}', /does not hold one variable name; write \\\{\{/],
  ])('is refused for %s', (_name, file, message) => {
    expect(() => parsePromptFile(file)).toThrow(PromptFileError);
    expect(() => parsePromptFile(file)).toThrow(message);
  });

  it.each([
    ['plain text', 'Hello {{name}}\n'],
    ['an escaped brace', 'Write \\{{x}} here\n'],
    ['a chat', '---\ntype: chat\n---\n# system\n\nBe brief.\n\n# user\n\n{{q}}\n'],
    [
      'settings',
      '---\nmodel:\n  name: small\nvars:\n  a:\n    type: string\n    max: 10\n    default: x\nmessages: true\n---\n{{a}}\n',
    ],
    ['a text that begins as front matter does', '---\n---\n---\nx\n'],
    ['a text that is a line of dashes', '---\n---\n---\n'],
    ['a text that begins with a byte order mark', '---\n---\n\uFEFFx\n'],
  ])('is written back byte for byte: %s', (_name, file) => {
    expect(writePromptFile(parsePromptFile(file))).toBe(file);
  });

  it('means the same after writing, whatever the text', () => {
    const text = fc
      .tuple(fc.constantFrom('', '---', '---\n', '---\r\n', '\uFEFF', '\uFEFF---\n'), fc.string({ minLength: 1 }))
      .map((parts) => parts.join(''))
      .filter((value) => value.trim() !== '' && !value.includes('{{'));
    fc.assert(
      fc.property(text, (body) => {
        const source = parsePromptFile(`---\n---\n${body}`);
        expect(parsePromptFile(writePromptFile(source))).toEqual(source);
      }),
    );
  });
});
