import { expect, it } from '@jest/globals';
import { parseChunk } from './chunks.js';
import { embeddingsOf } from './embeddings.js';

const line = (members: object) => parseChunk(JSON.stringify({ choices: [], ...members }));
const one = { object: 'embedding', index: 0, embedding: [0.5] };
const rest = { object: 'list', model: 'm', usage: { prompt_tokens: 1 }, odd: true };

it('embeddingsOf puts the texts and the rest together', () => {
  expect(embeddingsOf([line({ embedding: one }), line({ embeddings: rest })])).toEqual({ ...rest, data: [one] });
});

it.each<[string, object[]]>([
  ['without an end [guard: embeddings-end]', [{ embedding: one }]],
  ['with an end that is none', [{ embedding: one }, { embeddings: 'all' }]],
  ['that are a completion', [{ choices: [{ delta: { content: 'x' }, finish_reason: 'stop' }] }]],
])('embeddingsOf refuses chunks %s', (_name, lines) => {
  expect(() => embeddingsOf(lines.map(line))).toThrow(expect.objectContaining({ code: 'token_malformed' }));
});
