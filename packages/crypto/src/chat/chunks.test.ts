import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../encoding/bytes.js';
import { chunkText, LineReader, linesOf, parseChunk } from './chunks.js';

const malformed = expect.objectContaining({ code: 'token_malformed' });

describe('parseChunk', () => {
  it('reads a chunk with all its members, and fills in what an older responder left out', () => {
    const chunk = {
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 1, delta: { content: 'x', odd: {} }, logprobs: null, finish_reason: 'stop' }],
      odd: [1],
    };
    expect(parseChunk(JSON.stringify(chunk))).toEqual(chunk);
    expect(parseChunk('{"choices":[{}]}')).toEqual({
      id: '',
      object: 'chat.completion.chunk',
      created: 0,
      model: '',
      choices: [{ index: 0, delta: {}, finish_reason: null }],
    });
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no choices', '{}'],
    ['an object of another kind', '{"object":"error","choices":[]}'],
    ['a choice out of range', '{"choices":[{"index":16}]}'],
    ['text that is none', '{"choices":[{"delta":{"content":7}}]}'],
    ['a call without its place', '{"choices":[{"delta":{"tool_calls":[{}]}}]}'],
    [
      'a call whose arguments are no text',
      '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}}]}',
    ],
    ['a name that reaches prototypes', '{"choices":[],"__proto__":{}}'],
    ['a member twice', '{"choices":[],"choices":[]}'],
  ])('refuses %s', (_name, line) => {
    expect(() => parseChunk(line)).toThrow(malformed);
  });
});

it('the text of a chunk is what the first choice says, wherever that stands', () => {
  const chunk = parseChunk('{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}');
  expect(chunkText(chunk)).toBe('a');
  expect(chunkText(parseChunk('{"choices":[{"index":1,"delta":{"content":"b"}}]}'))).toBe('');
});

describe('LineReader', () => {
  it('gives the same lines however they are cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !/\n/.test(text));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(9)), (lines, cuts) => {
        const bytes = utf8(lines.join('\n'));
        const deltas = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          deltas.push(bytes.subarray(at, at + cut));
          at = Math.min(at + cut, bytes.length);
        }
        expect([...linesOf(deltas)]).toEqual(lines.filter((one) => one !== ''));
      }),
    );
  });

  it('refuses bytes that are no UTF-8, also half a character at the end', () => {
    const reader = new LineReader();
    expect(() => [...reader.read(new Uint8Array([0xff]))]).toThrow(malformed);
    const other = new LineReader();
    expect([...other.read(new Uint8Array([0xe2, 0x82]))]).toEqual([]);
    expect(() => [...other.end()]).toThrow(malformed);
  });
});
