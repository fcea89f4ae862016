import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePromptFile, writePromptFile } from './prompt-file.js';
import { PromptFileError } from './prompt-file-error.js';

const REQUIRED = { type: 'string', max: 65_536 };

/** What is said about a file that is refused. */
function mistakesOf(file: string): PromptFileError {
  try {
    parsePromptFile(file);
  } catch (error) {
    if (error instanceof PromptFileError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

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

  it.each<[string, string, string | RegExp]>([
    [
      'an unknown key, by line, with what is allowed',
      '---\ncolour: red\n---\nx',
      'line 2: unknown key colour; allowed: type, model, vars, acl, messages, parameters',
    ],
    [
      'an unknown key inside, by path, with what was perhaps meant',
      '---\nmodel: {nam: x}\n---\nx',
      'line 2: model: unknown key nam, did you mean name?; allowed: name, temperature, max_output_tokens, top_p',
    ],
    [
      'a group without its prefix',
      '---\nacl:\n  read: [authors]\n---\nx',
      'line 3: acl.read[0]: expected a group, such as grp:authors; write grp:authors',
    ],
    [
      'a group that no policy can have',
      '---\nacl: {invoke: [grp:members, "The Team"]}\n---\nx',
      'line 2: acl.invoke[1]: expected a group, such as grp:members',
    ],
    [
      'groups that are no list',
      '---\nacl: {read: grp:authors}\n---\nx',
      'line 2: acl.read: expected a list of at most 64 groups, such as [grp:authors]',
    ],
    [
      'a responder that is none',
      '---\nacl: {responders: ["urn:bulla:dev:svc:vault"]}\n---\nx',
      'line 2: acl.responders[0]: expected the URN of a responder, such as urn:bulla:dev:svc:responder:local',
    ],
    [
      'a parameter out of range',
      '---\nmodel: {top_p: 2}\n---\nx',
      'line 2: model.top_p: expected a number from 0 to 1',
    ],
    [
      'a tool with a mistake inside',
      '---\nmodel:\n  tools:\n    - type: function\n      function: {name: look up}\n---\nx',
      'line 5: model.tools[0].function.name: expected a list of tools, such as',
    ],
    [
      'tools that are no list',
      '---\nmodel: {tools: {type: function}}\n---\nx',
      'line 2: model.tools: expected a list of tools, such as',
    ],
    [
      'a parameter that askers cannot set',
      '---\nparameters: [temperature, max_output_tokens]\n---\nx',
      'line 2: parameters[1]: expected one of temperature, top_p,',
    ],
    [
      'a parameter twice',
      '---\nparameters: [seed, seed]\n---\nx',
      'line 2: parameters: expected a list of what askers may set, each once, such as [temperature]',
    ],
    ['another type', '---\ntype: poem\n---\nx', 'line 2: type: expected text or chat'],
    [
      'front matter that is a list',
      '---\n- x\n---\nx',
      'line 2: expected keys with values: type, model, vars, acl, messages, parameters',
    ],
    [
      'a variable that is used and not declared',
      '---\nvars: {a: {}}\n---\n\n{{a}}\n{{b}} {{b}}',
      'line 6: {{b}} is used but not declared under vars; write b: {} there',
    ],
    [
      'a variable of another type',
      '---\nvars: {a: {type: number}}\n---\n{{a}}',
      'line 2: vars.a.type: expected string',
    ],
    [
      'a default that is a number',
      '---\nvars: {a: {default: 5}}\n---\n{{a}}',
      'line 2: vars.a.default: expected a text no longer than max; a number or true stands in quotes',
    ],
    [
      'a default that its own limit refuses',
      '---\nvars:\n  a:\n    max: 2\n    default: "abc"\n---\n{{a}}',
      'line 5: vars.a.default: expected a text no longer than max; a number or true stands in quotes',
    ],
    [
      'a variable whose name is none',
      '---\nvars:\n  a: {}\n  9x: {}\n---\n{{a}}',
      'line 4: vars: 9x is no name of a variable; allowed: letters, digits and _, no digit first, at most 64 characters',
    ],
    [
      'front matter that is not closed',
      '---\ntype: chat\nx',
      'line 1: the front matter that begins here is not closed by a line ---',
    ],
    ['YAML that is none', '---\ntype: "secret\n---\nx', 'line 3: a quote or a bracket is not closed before this line'],
    ['YAML that we have no word for', '---\n%x\nsecret: !<\n---\nx', /^line \d: this is not valid YAML/],
    ['a key that stands twice', '---\nmessages: true\nmessages: false\n---\nx', 'line 3: this key stands twice'],
    [
      'a model whose name is two lines',
      '---\nmodel: {name: "m\\nVALID"}\n---\nx',
      'line 2: model.name: expected a name of 1 to 128 characters that all show, without a space at an end',
    ],
    [
      'an alias',
      '---\nvars:\n  a: &x {max: 5}\n  b: *x\n---\nx',
      'line 4: an alias (*name) is not allowed; write the value out',
    ],
    [
      'text before the first section of a chat',
      '---\ntype: chat\n---\nhello\n# user\nx',
      'line 4: a chat prompt begins with a heading: # system, # user or # assistant',
    ],
    [
      'a chat without sections',
      '---\ntype: chat\n---\n\n',
      'a chat prompt needs a section: # system, # user or # assistant',
    ],
    [
      'a chat with more sections than a version holds',
      `---\ntype: chat\n---\n${'# user\nx\n'.repeat(257)}`,
      'a chat prompt has at most 256 sections; this one has 257',
    ],
    ['what no version can carry', 'one\u0000two', /U\+0000/],
    ['more than a version holds', 'é'.repeat(200_000), /larger than 262144 bytes/],
    ['an empty prompt', '---\nmessages: true\n---\n\n', 'the prompt is empty'],
    [
      'a variable with spaces',
      'one\ntwo {{ claim }}',
      'line 2: spaces stand around the name of a variable; write {{claim}}, or \\{{ for braces that are no variable',
    ],
    [
      'braces around something else',
      'a {{ the secret }}',
      'line 1: {{ does not hold one variable name (letters, digits and _); write \\{{ for braces that are no variable',
    ],
  ])('is refused for %s', (_name, file, message) => {
    const refusal = mistakesOf(file);
    expect(refusal.message).not.toContain('secret');
    expect(refusal.message).toMatch(message);
  });

  it('is refused with all that is wrong, by line, as compilers write it', () => {
    const file = `---
type: chat
modle: small
vars:
  claim: {max: 0}
acl: {read: [authors]}
---
hello {{ claim }}
# user

{{claim}} {{other}} \\{{fine}} {{
{{other}}`;
    expect(mistakesOf(file).in('triage.md').lines).toEqual([
      'triage.md:3: unknown key modle, did you mean model?; allowed: type, model, vars, acl, messages, parameters',
      'triage.md:5: vars.claim.max: expected a whole number from 1 to 65,536',
      'triage.md:6: acl.read[0]: expected a group, such as grp:authors; write grp:authors',
      'triage.md:8: a chat prompt begins with a heading: # system, # user or # assistant',
      'triage.md:8: spaces stand around the name of a variable; write {{claim}}, or \\{{ for braces that are no variable',
      'triage.md:11: {{ does not hold one variable name (letters, digits and _); write \\{{ for braces that are no variable',
      'triage.md:11: {{other}} is used but not declared under vars; write other: {} there',
    ]);
  });

  it('is refused without looking for more than twenty mistakes in its text', () => {
    expect(mistakesOf('{{ '.repeat(50_000)).mistakes).toHaveLength(20);
  });

  it('takes a literal brace before a brace as what it is', () => {
    expect(parsePromptFile('---\nvars: {}\n---\n\\{{{x}}').messages[0]?.content).toBe('\\{{{x}}');
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
