import { describe, expect, it } from '@jest/globals';
import { parseScript } from './parse-script.js';

describe('a script', () => {
  it('is read from JSON, with every member', () => {
    const reply = {
      status: 200,
      body: 'b',
      contentType: 'text/event-stream',
      headers: { a: 'b' },
      delayBeforeHeadersMs: 1,
      delayBeforeTokensMs: 'never',
      delayBetweenTokensMs: 0,
      tokens: ['a'],
      toolCalls: [{ index: 0, id: 'i', name: 'n', arguments: '{}' }],
      finishReason: null,
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
      usagePlace: 'merged',
      model: 'm',
      splitUtf8: true,
      lineEnd: '\r\n',
      omitDone: true,
      hangAfterDone: false,
      faults: [
        { afterTokens: 1, kind: 'write', text: 'x' },
        { afterTokens: 1, kind: 'huge-event', bytes: 9 },
        { afterTokens: 2, kind: 'stall' },
        { afterTokens: 2, kind: 'cut' },
      ],
    };
    const script = { models: ['m'], modelsReply: { status: 500, body: 'b' }, replies: [reply, { usage: false }] };
    expect(parseScript(JSON.stringify(script))).toEqual({
      ...script,
      replies: [{ ...reply, delayBeforeTokensMs: Number.POSITIVE_INFINITY }, { usage: false }],
    });
    expect(parseScript('{"replies":{"tokens":[]}}')).toEqual({ replies: { tokens: [] } });
    expect(parseScript('{}')).toEqual({});
  });

  it.each([
    ['{', 'no JSON'],
    ['[]', 'no JSON object'],
    ['{"reply":{}}', ': reply'],
    ['{"__proto__":{}}', ': __proto__'],
    ['{"models":"m"}', ': models'],
    ['{"modelsReply":{"tokens":1}}', ': modelsReply'],
    ['{"replies":[]}', ': replies'],
    ['{"replies":[{"tokens":["a"]},{"token":["a"]}]}', ': token'],
    ['{"replies":{"status":99}}', ': status'],
    ['{"replies":{"delayBeforeHeadersMs":"ever"}}', ': delayBeforeHeadersMs'],
    ['{"replies":{"delayBeforeHeadersMs":-1}}', ': delayBeforeHeadersMs'],
    ['{"replies":{"headers":{"a":1}}}', ': headers'],
    ['{"replies":{"usage":true}}', ': usage'],
    ['{"replies":{"lineEnd":"\\r"}}', ': lineEnd'],
    ['{"replies":{"faults":[{"kind":"cut"}]}}', ': faults'],
    ['{"replies":{"faults":[{"kind":"cut","afterTokens":1,"text":"x"}]}}', ': faults'],
    ['{"replies":{"faults":[{"kind":"write","afterTokens":1}]}}', ': faults'],
    ['{"replies":{"faults":[{"kind":"bang","afterTokens":1}]}}', ': faults'],
  ])('%s is refused by the name of its member', (json, message) => {
    expect(() => parseScript(json)).toThrow(message);
  });
});
