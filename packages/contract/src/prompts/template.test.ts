import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTemplate, renderTemplate, TemplateError, templateVariables } from './template.js';

const render = (template: string, values: Record<string, string>): string =>
  renderTemplate(parseTemplate(template), new Map(Object.entries(values)));

describe('templates', () => {
  it.each([
    ['plain text', 'hello', {}, 'hello'],
    ['one variable', 'a {{x}} b', { x: '1' }, 'a 1 b'],
    ['neighbours', '{{x}}{{y}}{{x}}', { x: '1', y: '2' }, '121'],
    ['an escaped opening', 'a \\{{x}} b', {}, 'a {{x}} b'],
    ['an escape right after a variable', '{{x}}\\{{y}}', { x: '1' }, '1{{y}}'],
    ['a lone brace', 'a { b } }} c', {}, 'a { b } }} c'],
    ['a value that looks like a variable', '{{x}}', { x: '{{y}}' }, '{{y}}'],
    ['a value with replacement patterns', '{{x}}', { x: "$& $1 $'" }, "$& $1 $'"],
    ['the empty template', '', {}, ''],
  ])('renders %s', (_name, template, values, expected) => {
    expect(render(template, values as Record<string, string>)).toBe(expected);
  });

  it.each([
    ['an unclosed variable', 'a {{x'],
    ['a space inside', '{{ x }}'],
    ['an empty name', '{{}}'],
    ['an expression', '{{x.y}}'],
    ['three braces', '{{{x}}}'],
    ['a name that starts with a digit', '{{1x}}'],
    ['a name over 64 characters', `{{${'x'.repeat(65)}}}`],
  ])('refuses %s', (_name, template) => {
    expect(() => parseTemplate(template)).toThrow(TemplateError);
  });

  it('refuses to render without a value', () => {
    expect(() => render('{{x}}', {})).toThrow(TemplateError);
  });

  it('names each variable once, in order', () => {
    expect(templateVariables(parseTemplate('{{b}} {{a}} {{b}}'))).toEqual(['b', 'a']);
  });

  it('never scans a value again', () => {
    fc.assert(fc.property(fc.string(), (value) => render('<{{x}}>', { x: value }) === `<${value}>`));
  });
});
