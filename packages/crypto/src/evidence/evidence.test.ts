import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../test/answers.js';
import { answerFile, castOfMembers, exchange } from '../../test/answers.js';
import { chatEnvelopeClaims, chunkDeltas } from '../../test/exchange.js';
import type { Bytes } from '../encoding/bytes.js';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { ANSWER_MAX_BYTES, answerText, composeAnswer, parseAnswer } from './evidence.js';
import { makeOrganisation } from '../testing.js';

let made: Exchange;

beforeAll(async () => {
  const organisation = await makeOrganisation();
  made = await exchange(await castOfMembers(organisation), organisation.author);
});

describe('composeAnswer', () => {
  it('puts what a reader wants first and the tokens behind', () => {
    const { parts, asked } = made;
    const text = composeAnswer(parts);
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      text: 'Call the plumber.',
      usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
      prompt: { name: 'claims/triage', version: 3 },
      responder: asked.envelope.aud,
      verified: true,
      evidence: {
        root: parts.documents.roots,
        policy: parts.documents.policy,
        directory: parts.documents.directory,
        tags: parts.tags,
        envelope: asked.envelopeToken,
        head: encodeBase64url(parts.head),
        deltas: parts.deltas.map(encodeBase64url),
        fin: parts.fin,
      },
    });
  });

  it('shows the question only when told to', () => {
    const shown = composeAnswer({ ...made.parts, invocation: made.asked.sealed.inner });
    expect(parseAnswer(shown).evidence.invocation).toBe(made.asked.sealed.inner);
    expect(parseAnswer(composeAnswer(made.parts)).evidence).not.toHaveProperty('invocation');
  });

  it('names no prompt for a chat', async () => {
    const organisation = await makeOrganisation({ policy: { chat: ['grp:support'] } });
    const cast = await castOfMembers(organisation);
    const { parts } = await exchange(cast, organisation.author, { envelope: chatEnvelopeClaims(cast) });
    expect(parseAnswer(composeAnswer(parts))).not.toHaveProperty('prompt');
  });

  it.each<[string, object]>([
    ['deltas that are not NDJSON', { deltas: [utf8('hello')] }],
    ['a fin that is none', { fin: 'fin' }],
    ['no root', { documents: { roots: [], policy: 'x', directory: 'y' } }],
  ])('refuses %s', (_name, change) => {
    expect(() => composeAnswer({ ...made.parts, ...change })).toThrow(
      expect.objectContaining({ code: 'token_malformed' }),
    );
  });
});

describe('parseAnswer', () => {
  it.each<[string, (text: string) => string | Bytes, string]>([
    ['without its newline', (text) => text.slice(0, -1), 'token_malformed'],
    ['with two newlines', (text) => `${text}\n`, 'token_malformed'],
    ['with a carriage return', (text) => text.replace('\n', '\r\n'), 'token_malformed'],
    ['with a byte order mark', (text) => `\ufeff${text}`, 'token_malformed'],
    ['with white space', (text) => `${JSON.stringify(JSON.parse(text), null, 2)}\n`, 'token_malformed'],
    ['with an escape nobody needs', (text) => text.replace('Call', '\\u0043all'), 'token_malformed'],
    [
      'with a number written otherwise',
      (text) => text.replace('"prompt_tokens":7', '"prompt_tokens":7.0'),
      'token_malformed',
    ],
    ['with a member twice', (text) => text.replace('{', '{"text":"x",'), 'token_malformed'],
    ['with a member more', (text) => text.replace('{', '{"note":"x",'), 'token_malformed'],
    ['with a member less', (text) => text.replace('"verified":true,', ''), 'token_malformed'],
    ['with a token more in its evidence', (text) => text.replace('"policy"', '"key":"x","policy"'), 'token_malformed'],
    ['with a delta that is not base64url', (text) => text.replace('"deltas":["', '"deltas":["='), 'token_malformed'],
    ['that is not UTF-8', () => Uint8Array.of(0x22, 0xff, 0x22, 0x0a), 'token_malformed'],
    ['that is empty', () => '', 'token_malformed'],
    ['that is a list', () => '[]\n', 'token_malformed'],
    ['that is too long', () => `"${'x'.repeat(ANSWER_MAX_BYTES)}"\n`, 'payload_too_large'],
  ])('refuses a file %s', (_name, change, code) => {
    expect(() => parseAnswer(change(answerFile(made.parts)))).toThrow(expect.objectContaining({ code }));
  });

  it('takes bytes and text alike', () => {
    const text = answerFile(made.parts);
    expect(parseAnswer(utf8(text))).toEqual(parseAnswer(text));
  });
});

describe('answerText', () => {
  it('joins the contents of chunks over any cut, even within a character', () => {
    const contents = ['Gr', 'üße', ' 🌊', ''];
    for (const size of [1, 2, 3, 7, 1000]) expect(answerText(chunkDeltas(contents, size))).toBe(contents.join(''));
  });

  it.each<[string, string, string]>([
    ['no deltas', '', ''],
    ['a last line without newline', '{"choices":[{"delta":{"content":"a"}}]}', 'a'],
    ['empty lines', '\n{"choices":[{"delta":{"content":"a"}}]}\n\n', 'a'],
    ['a usage chunk without choices', '{"choices":[],"usage":{"total_tokens":1}}\n', ''],
    [
      'a role, a null and no content',
      '{"choices":[{"delta":{"role":"assistant"}}]}\n{"choices":[{"delta":{"content":null}}]}\n{"choices":[{}]}\n',
      '',
    ],
    ['the first choice alone', '{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}\n', 'a'],
    ['spacing of any JSON library', '{ "choices": [ { "delta": { "content": "a" } } ] }\n', 'a'],
  ])('reads %s', (_name, ndjson, expected) => {
    expect(answerText([utf8(ndjson)])).toBe(expected);
  });

  it.each<[string, string | Bytes]>([
    ['a line that is no JSON', 'data: {}\n'],
    ['a line without choices', '{"object":"chat.completion.chunk"}\n'],
    ['content that is no text', '{"choices":[{"delta":{"content":1}}]}\n'],
    [
      'a member twice, which two readers would read differently',
      '{"choices":[{"delta":{"content":"a","content":"b"}}]}\n',
    ],
    ['bytes that are not UTF-8', Uint8Array.of(0xff)],
    ['a character that never ends', Uint8Array.of(0xe2, 0x82)],
  ])('refuses %s', (_name, ndjson) => {
    const bytes = typeof ndjson === 'string' ? utf8(ndjson) : ndjson;
    expect(() => answerText([bytes])).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('reads an answer of many deltas', () => {
    const contents = Array.from({ length: 5000 }, (_, at) => `${at} `);
    expect(answerText(chunkDeltas(contents, 1))).toBe(contents.join(''));
  });
});
