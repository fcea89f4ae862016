import { equal } from 'node:assert/strict';
import { parseTemplate, renderTemplate, templateVariables } from '@bulla/contract';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** A template. What stands for a variable is never read again, and what was a literal brace is one. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const pieces = read(() => parseTemplate(text), 'TemplateError');
  if (pieces === undefined) return false;
  const names = templateVariables(pieces);
  const spelled = renderTemplate(pieces, new Map(names.map((name) => [name, `{{${name}}}`])));
  equal(spelled, text.replaceAll('\\{{', '{{'));
  return true;
}
