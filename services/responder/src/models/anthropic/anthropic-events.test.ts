import { describe, expect, it } from '@jest/globals';
import type { FakeMessageReply } from '@bulla/testkit';
import { anthropicSuite } from '../../../test/anthropic-suite.js';

const { failure, follow } = await anthropicSuite();

const START = {
  type: 'message_start',
  message: { id: 'm', role: 'assistant', model: 'claude', content: [], usage: { input_tokens: 1, output_tokens: 1 } },
};
const text = (at: number) => ({ type: 'content_block_start', index: at, content_block: { type: 'text', text: '' } });
const tool = (input: unknown = {}) => ({
  type: 'content_block_start',
  index: 0,
  content_block: { type: 'tool_use', id: 't', name: 'f', input },
});
const add = (at: number, delta: object) => ({ type: 'content_block_delta', index: at, delta });
const word = add(0, { type: 'text_delta', text: 'word' });
const close = (at: number) => ({ type: 'content_block_stop', index: at });
const stop = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } };
const END = { type: 'message_stop' };

describe('a stream of events', () => {
  it.each<[string, (object | string)[]]>([
    ['whole', [START, text(0), word, close(0), stop, END]],
    ['with events of a newer server', [START, { type: 'news', of: 1 }, text(0), word, close(0), stop, END]],
    ['without a word', [START, stop, END]],
    ['with an input at once', [START, tool({ a: 1 }), close(0), { ...stop, delta: { stop_reason: 'tool_use' } }, END]],
    [
      'with a redacted thought',
      [START, { ...text(0), content_block: { type: 'redacted_thinking', data: 'x' } }, close(0), stop, END],
    ],
  ])('that is %s is an answer', async (_name, events) => {
    follow({ events });
    expect(await failure()).toBeUndefined();
  });

  it.each<[string, (object | string)[]]>([
    ['begins twice [guard: anthropic-order]', [START, START, text(0), word, close(0), stop, END]],
    ['does not begin', [text(0), word, close(0), stop, END]],
    [
      'leaves a block out [guard: anthropic-block]',
      [START, text(1), add(1, { type: 'text_delta', text: 'a' }), close(1), stop, END],
    ],
    ['opens a block within one', [START, text(0), text(1), close(1), stop, END]],
    ['says a word outside a block [guard: anthropic-open-block]', [START, word, stop, END]],
    ['says a word in a block that is closed', [START, text(0), close(0), word, stop, END]],
    ['says words in a tool [guard: anthropic-delta]', [START, tool(), word, close(0), stop, END]],
    [
      'has an input in a text',
      [START, text(0), add(0, { type: 'input_json_delta', partial_json: '{}' }), close(0), stop, END],
    ],
    ['has an unknown block', [START, { ...text(0), content_block: { type: 'news' } }, close(0), stop, END]],
    [
      'has an unknown piece [guard: anthropic-event]',
      [START, text(0), add(0, { type: 'citations_delta', citation: {} }), close(0), stop, END],
    ],
    ['has half a surrogate', [START, text(0), add(0, { type: 'text_delta', text: '\ud800' }), close(0), stop, END]],
    ['has U+0000', [START, text(0), add(0, { type: 'text_delta', text: '\0' }), close(0), stop, END]],
    [
      'has a name of two lines',
      [{ ...START, message: { ...START.message, model: 'a\nb' } }, text(0), word, close(0), stop, END],
    ],
    [
      'begins with words',
      [{ ...START, message: { ...START.message, content: [{ type: 'text', text: 'a' }] } }, stop, END],
    ],
    ['goes on after its end', [START, text(0), word, close(0), stop, text(1), END]],
    ['ends in a block [guard: anthropic-end]', [START, text(0), word, stop, END]],
    ['gives no reason for its end', [START, text(0), word, close(0), END]],
    ['has no end', [START, text(0), word, close(0), stop]],
    ['is no JSON', [START, 'data: {rubbish\n\n', END]],
    ['is a list', [START, 'data: []\n\n', END]],
    ['has no lines that are fields', ['nonsense\n\n', START, stop, END]],
    [
      'has arguments that are no JSON',
      [
        START,
        tool(),
        add(0, { type: 'input_json_delta', partial_json: '{"a":' }),
        close(0),
        { ...stop, delta: { stop_reason: 'tool_use' } },
        END,
      ],
    ],
    ['has a negative count', [{ ...START, message: { ...START.message, usage: { input_tokens: -1 } } }, stop, END]],
  ])('that %s is none', async (_name, events) => {
    follow({ events });
    expect(await failure()).toMatchObject({
      code: 'upstream_unavailable',
      fault: { cause: expect.stringMatching(/^not_completions$|^cut$/) },
    });
  });

  it.each([
    ['overloaded_error', 'upstream_unavailable'],
    ['rate_limit_error', 'upstream_rate_limited'],
    ['authentication_error', 'upstream_auth'],
    ['timeout_error', 'upstream_timeout'],
    ['__proto__', 'upstream_unavailable'],
  ])('that says %s ends with %s', async (type, code) => {
    follow({ events: [START, text(0), word, { type: 'error', error: { type, message: 'zzCanary' } }] });
    const error = await failure();
    expect(error).toMatchObject({ code, fault: { cause: 'cut' } });
    expect(String(error)).not.toContain('zzCanary');
  });

  it.each<[string, FakeMessageReply, string, string]>([
    ['is cut', { fault: { afterTokens: 2, kind: 'cut' } }, 'upstream_unavailable', 'cut'],
    ['falls silent', { fault: { afterTokens: 2, kind: 'stall' } }, 'upstream_timeout', 'too_slow'],
    ['never begins', { delayBeforeHeadersMs: Infinity }, 'upstream_timeout', 'too_slow'],
    ['is another media type', { contentType: 'application/json' }, 'upstream_unavailable', 'not_completions'],
    ['is compressed', { headers: { 'content-encoding': 'gzip' } }, 'upstream_unavailable', 'not_completions'],
    [
      'leads elsewhere',
      { status: 302, headers: { location: 'http://127.0.0.1:9/' } },
      'upstream_unavailable',
      'http_status',
    ],
    ['is overloaded', { status: 529 }, 'upstream_unavailable', 'http_status'],
    ['is limited', { status: 429, headers: { 'retry-after': '7' } }, 'upstream_rate_limited', 'http_status'],
  ])('that %s ends with its cause', async (_name, reply, code, cause) => {
    follow(reply);
    expect(await failure()).toMatchObject({ code, fault: { cause } });
  });
});
