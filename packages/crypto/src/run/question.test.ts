import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Cast } from '../../test/exchange.js';
import { castOf, chatEnvelopeClaims, questionClaims } from '../../test/exchange.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import type { ChatMessage } from '../chat/messages.js';
import { DATA_BYTES_MAX } from '../names/chat.js';
import { parseInnerInvocation, parseInvocation, sealInvocation } from './invocation.js';
import { openInvocation } from './open/invocation.js';
import type { InvocationClaims } from './question.js';

let acme: TestOrganisation;
let cast: Cast;
let chat: InvocationClaims;
const OPT = { stream: true, privacy: 'padded', model: 'small' } as const;
const SAYS: ChatMessage[] = [{ role: 'user', content: 'Hello' }];
const TEXTS = { input: ['a', 'b'], dimensions: 256, encoding_format: 'base64' };

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  cast = await castOf(acme);
  const { vars: _vars, ...claims } = await questionClaims(cast, chatEnvelopeClaims(cast), 'envelope');
  chat = claims as InvocationClaims;
});

async function read(change: object): Promise<InvocationClaims> {
  const signer = await acme.signer('asker');
  const claims = { ...chat, messages: SAYS, opt: OPT, ...change };
  return parseInnerInvocation(await rawJws(headerFor('bulla-invoke+jwt', signer), claims, signer), 'chat').claims;
}

describe('a question without a stored prompt', () => {
  it.each<[string, object]>([
    ['messages and no variables', {}],
    ['variables that are empty', { vars: {} }],
    ['instructions', { messages: [{ role: 'developer', content: 'Be brief.' }, ...SAYS] }],
    ['parameters', { opt: { ...OPT, temperature: 0.5, seed: 7, stop: ['.'] } }],
    ['texts to embed', { messages: [], embeddings: TEXTS }],
    ['one text to embed', { messages: [], embeddings: { input: 'a' } }],
  ])('takes %s', async (_name, change) => {
    expect(await read(change)).toMatchObject(change);
  });

  it.each<[string, object]>([
    ['no model', { opt: { stream: true, privacy: 'padded' } }],
    ['a name', { name: 'claims/triage' }],
    [
      'an image at an address',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.example/b.png' } }] }] },
    ],
    ['texts to embed beside messages [guard: question-embeddings-alone]', { embeddings: TEXTS }],
    ['texts to embed with parameters', { messages: [], embeddings: TEXTS, opt: { ...OPT, temperature: 1 } }],
    ['an empty text to embed', { messages: [], embeddings: { input: [''] } }],
    ['no text to embed', { messages: [], embeddings: { input: [] } }],
    ['2,049 texts to embed', { messages: [], embeddings: { input: Array(2_049).fill('a') } }],
    ['tokens to embed', { messages: [], embeddings: { input: [[1, 2]] } }],
    ['no dimension', { messages: [], embeddings: { input: 'a', dimensions: 0 } }],
    ['a user', { user: 'x' }],
  ])('refuses %s', async (_name, change) => {
    await expect(read(change)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});

describe('the size of a question', () => {
  const holding = (bytes: number, message = ''): ChatMessage[] => [
    { role: 'system', content: message },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}` } },
      ],
    },
  ];
  const sealed = (messages: ChatMessage[]) =>
    sealInvocation({ ...chat, messages } as InvocationClaims, cast.asker.signer, cast.responder.enc);

  it('lets a chat bring 4 MiB of images, in no more than 12 MiB, and opens it as a chat alone', async () => {
    const messages = holding(DATA_BYTES_MAX, 'x'.repeat(1_000_000));
    const { token } = await sealed(messages);
    expect(token.length).toBeLessThanOrEqual(12 * 1024 * 1024);
    const outer = parseInvocation(token, 'chat');
    const unwrapper = await acme.unwrapper('eu1');
    expect((await openInvocation(outer, unwrapper, 'chat')).inner.claims.messages).toEqual(messages);
    await expect(openInvocation(outer, unwrapper)).rejects.toMatchObject({ code: 'open_failed' });
    expect(() => parseInvocation(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });

  it.each<[string, () => ChatMessage[]]>([
    ['4 MiB of images and a byte', () => holding(DATA_BYTES_MAX + 1)],
    ['6.5 MiB of text', () => [{ role: 'user', content: 'x'.repeat(6.5 * 1024 * 1024) }]],
  ])('is refused with %s before anything is sealed', async (_name, messages) => {
    await expect(sealed(messages())).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('is refused with too many bytes of images although they are signed', async () => {
    await expect(read({ messages: holding(DATA_BYTES_MAX + 1) })).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});
