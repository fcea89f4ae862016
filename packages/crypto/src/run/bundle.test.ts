import { verifyEnvelopeToken } from '../../test/reading.js';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Example } from '../../test/examples.js';
import { example, exampleChatEnvelope } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import type { Bundle } from './bundle.js';
import { checkBundleHashes, parseBundle } from './bundle.js';
import { signChatEnvelope } from './envelope.js';

let acme: TestOrganisation;
let good: Example;
let other: Example;
let chat: string;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  [good, other] = await Promise.all([example(acme), example(acme)]);
  chat = await signChatEnvelope(exampleChatEnvelope(acme), await acme.signer('vault'));
});

describe('parseBundle', () => {
  it("reads a prompt's bundle and a chat's", () => {
    const { env, grant, content } = good.bundle;
    expect(parseBundle({ ...good.bundle })).toMatchObject({
      kind: 'prompt',
      sent: good.bundle,
      envelope: { token: env, kind: 'prompt' },
      grant: { token: grant },
      content: { token: content },
    });
    const sent = { v: 1, env: chat, tags: [] };
    expect(parseBundle(sent)).toMatchObject({ kind: 'chat', sent, envelope: { token: chat, kind: 'chat' } });
  });

  it.each([
    ['nothing', () => undefined],
    ['a list', () => [good.bundle]],
    ['another version', () => ({ ...good.bundle, v: 2 })],
    ['a member more', () => ({ ...good.bundle, inv: '' })],
    ['no envelope', () => ({ ...good.bundle, env: undefined })],
    ['no tags', () => ({ ...good.bundle, tags: undefined })],
    ['too many tags', () => ({ ...good.bundle, tags: Array.from({ length: 17 }, () => 'x') })],
    ['a tag that is no text', () => ({ ...good.bundle, tags: [1] })],
    ['no grant beside a prompt [guard: bundle-prompt-whole]', () => ({ ...good.bundle, grant: undefined })],
    ['no content beside a prompt', () => ({ ...good.bundle, content: undefined })],
    [
      "grant and content in each other's place",
      () => ({ ...good.bundle, grant: good.bundle.content, content: good.grant }),
    ],
    ['a content for a grant', () => ({ ...good.bundle, grant: good.bundle.content })],
    ['a grant for a content', () => ({ ...good.bundle, content: good.grant })],
    ['a statement instead of an envelope', () => ({ ...good.bundle, env: good.statement })],
    ['a grant beside a chat [guard: bundle-chat-alone]', () => ({ v: 1, env: chat, grant: good.grant, tags: [] })],
    ['a content beside a chat', () => ({ v: 1, env: chat, content: good.bundle.content, tags: [] })],
    ['a tag beside a chat', () => ({ v: 1, env: chat, tags: good.bundle.tags })],
  ] as [string, () => unknown][])('refuses %s', (_name, value) => {
    expect(() => parseBundle(value())).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});

describe('checkBundleHashes', () => {
  const verify = (env: string) => verifyEnvelopeToken(env, { trust: acme.trust, now: NOW, audience: acme.urn('eu1') });

  it('accepts what the envelope names', async () => {
    await expect(checkBundleHashes(parseBundle(good.bundle), await verify(good.bundle.env))).resolves.toBeUndefined();
    await expect(
      checkBundleHashes(parseBundle({ v: 1, env: chat, tags: [] }), await verify(chat)),
    ).resolves.toBeUndefined();
  });

  const swapped: [string, () => Bundle, string][] = [
    ['a swapped grant [guard: bundle-grant-hash]', () => ({ ...good.bundle, grant: other.grant }), 'grant-hash'],
    [
      'a swapped content [guard: bundle-content-hash]',
      () => ({ ...good.bundle, content: other.bundle.content }),
      'content-hash',
    ],
    [
      'an envelope that was not verified [guard: bundle-verified]',
      () => ({ ...good.bundle, env: other.bundle.env }),
      'envelope-hash',
    ],
  ];
  it.each(swapped)('refuses %s', async (_name, bundle, check) => {
    const refused = checkBundleHashes(parseBundle(bundle()), await verify(good.bundle.env));
    await expect(refused).rejects.toMatchObject({ code: 'envelope_tampered', check });
  });
});
