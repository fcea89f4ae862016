import { equal } from 'node:assert/strict';
import { ownDetectors } from '../../packages/client/dist/pii/detectors/own-detectors.js';
import { mergeFindings } from '../../packages/client/dist/pii/finding.js';
import { mapJsonText } from '../../packages/client/dist/pii/json-text.js';
import { chooseTag, lookAlikes, Placeholders } from '../../packages/client/dist/pii/placeholders.js';
import { TextRestorer } from '../../packages/client/dist/pii/text-restorer.js';
import { textOf } from './kit/input.js';

/**
 * A text that is masked, and restored in pieces of the length that the first byte says: it is the same again, as it is
 * and inside of JSON. JSON text of nothing to mask stays as it was.
 */
export function fuzz(input: Uint8Array): boolean {
  const length = (input[0] ?? 0) + 1;
  const text = textOf(input.subarray(1));
  const found = ownDetectors('DE').flatMap((detect) => [...detect(text)]);
  for (const { start, end } of found) equal(start >= 0 && start < end && end <= text.length, true);
  const placeholders = new Placeholders(chooseTag([text]));
  const masked = placeholders.mask(text, mergeFindings([...found, ...lookAlikes(text)]));
  equal(restore(new TextRestorer(placeholders.values), masked, length), text);
  const json = restore(new TextRestorer(placeholders.values, true), JSON.stringify({ masked }), length);
  equal((JSON.parse(json) as { readonly masked: string }).masked, text);
  const mapped = mapJsonText(text, (said) => said);
  if (mapped !== undefined) equal(mapped, text);
  return found.length > 0;
}

function restore(restorer: TextRestorer, text: string, length: number): string {
  let said = '';
  for (let at = 0; at < text.length; at += length) said += restorer.write(text.slice(at, at + length));
  return said + restorer.end();
}
