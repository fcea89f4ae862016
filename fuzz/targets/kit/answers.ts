import { deepEqual, equal } from 'node:assert/strict';
import { completionOf, parseChunk } from '@bulla/crypto';
import { joined } from '../../../services/responder/dist/invocations/joined-chunks.js';
import type { ModelChunk } from '../../../services/responder/dist/models/model.js';
import { UpstreamAnswer } from '../../../services/responder/dist/models/upstream-answer.js';
import type { UpstreamChunk } from '../../../services/responder/dist/models/upstream-chunk.js';
import { read } from './refusals.js';

const PIECES_MAX = 64;
const CHOICES = 2;

/**
 * What is passed on of the events of a model server: its asker reads it, and reads the same where it is joined.
 * @param said what one event says, if anything.
 * @returns whether something was passed on
 */
export function passOn(events: readonly string[], said: (event: string) => UpstreamChunk | 'end' | undefined): boolean {
  const answer = new UpstreamAnswer('m', { messages: [], parameters: { n: CHOICES }, requestId: 'inv_1' }, PIECES_MAX);
  const chunks: ModelChunk[] = [];
  for (const event of events) {
    const parsed = read(() => said(event), 'ModelError');
    const chunk = parsed === undefined || parsed === 'end' ? undefined : read(() => answer.take(parsed), 'ModelError');
    if (chunk === undefined) continue;
    const line = JSON.stringify(chunk);
    deepEqual(parseChunk(line), JSON.parse(line));
    chunks.push(chunk);
  }
  const whole: ModelChunk[] = [];
  for (const chunk of chunks) {
    const last = whole.at(-1);
    const longer = last && joined(last, chunk);
    if (longer === undefined) whole.push(chunk);
    else whole.splice(-1, 1, longer);
  }
  const { choices } = completionOf(chunks);
  for (const { index } of choices) equal(index < CHOICES, true);
  deepEqual(completionOf(whole), completionOf(chunks));
  return chunks.length > 0;
}
