import { describe, expect, it } from '@jest/globals';
import type { ModelChunk } from './model.js';
import { UpstreamAnswer } from './upstream-answer.js';
import { parseUpstreamChunk } from './upstream-chunk.js';

const say = (content: string) => JSON.stringify({ choices: [{ index: 0, delta: { content } }] });
const STOP = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const read = (data: string) => (data === '[DONE]' ? 'end' : parseUpstreamChunk(data));

/** What is passed on of events that came together, and what went wrong. */
function passedOn(events: readonly string[], maxOutputTokens?: number) {
  const answer = new UpstreamAnswer('m', { messages: [], requestId: 'inv_1', maxOutputTokens }, 100);
  const passed: (readonly ModelChunk[])[] = [];
  let error: unknown;
  try {
    for (const chunks of answer.takeAll(events, read)) passed.push(chunks);
  } catch (fault) {
    error = fault;
  }
  const texts = passed.map((chunks) => chunks.map(({ choices }) => choices[0]?.delta.content ?? ''));
  const { isEnded, reachedLimit } = answer;
  return { texts, error, isEnded, reachedLimit };
}

describe('events that came together', () => {
  it.each([
    ['are passed on together', [say('a'), say('b')], [['a', 'b']], false],
    ['are passed on up to the end', [say('a'), STOP, '[DONE]', say('b')], [['a', '']], true],
    ['that say nothing are not passed on', ['[DONE]'], [], true],
  ])('%s', (_name, events, texts, isEnded) => {
    expect(passedOn(events)).toMatchObject({ texts, isEnded, error: undefined });
  });

  it('are passed on before a fault among them', () => {
    const { texts, error } = passedOn([say('a'), say('b'), 'no event', say('c')]);
    expect(texts).toEqual([['a', 'b']]);
    expect(error).toMatchObject({ code: 'upstream_unavailable' });
  });

  it('are passed on up to the limit', () => {
    const { texts, reachedLimit } = passedOn([say('a'), say('b'), say('c')], 1);
    expect([texts, reachedLimit]).toEqual([[['a', '']], true]);
  });
});
