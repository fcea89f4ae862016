import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Example, PromptBundle } from '../../test/examples.js';
import {
  example,
  exampleChatEnvelope,
  exampleEnvelope,
  exampleStatement,
  exampleTag,
  NAME,
  promptOf,
  REQUEST,
} from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { rawJwe, withPart } from '../../test/raw-token.js';
import type { AskerContext, Bundle, WantedPrompt } from './bundle.js';
import { checkSentBundle } from '../../test/reading.js';
import { tokenHash } from '../encoding/bytes.js';
import { parseContent, sealContent } from '../prompt/content.js';
import type { EnvelopeClaims } from './envelope.js';
import { signChatEnvelope, signEnvelope } from './envelope.js';
import { parseGrant, sealGrant } from '../prompt/grant.js';
import { signStatement } from '../prompt/statement.js';
import type { TagClaims } from '../prompt/tag.js';
import { signTag } from '../prompt/tag.js';

const ANOTHER = 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn';

let acme: TestOrganisation;
let globex: TestOrganisation;
let good: Example;
let other: Example;
let chat: string;

beforeAll(async () => {
  [acme, globex] = await Promise.all([loadOrganisation('acme'), loadOrganisation('globex')]);
  [good, other] = await Promise.all([example(acme), example(acme)]);
  chat = await signChatEnvelope(exampleChatEnvelope(acme), await acme.signer('vault'));
});

/** A bundle whose envelope names exactly what stands beside it, but for the changes. */
async function bundleWith(changes: Partial<EnvelopeClaims>, parts: Partial<PromptBundle> = {}): Promise<Bundle> {
  const bundle = { ...good.bundle, ...parts };
  const bound = { chash: await tokenHash(bundle.content), whash: await tokenHash(bundle.grant) };
  return { ...bundle, env: await signEnvelope(exampleEnvelope(acme, bound, changes), await acme.signer('vault')) };
}

async function tag(changes: Partial<TagClaims>, signer = 'owner'): Promise<string> {
  const claims = exampleTag(acme, good.sealed.chash, { iss: acme.urn(signer), ...changes });
  return signTag(claims, await acme.signer(signer));
}

function context(wanted: Partial<WantedPrompt> = {}, changes: Partial<AskerContext> = {}): AskerContext {
  return {
    trust: acme.trust,
    now: NOW,
    asker: { urn: acme.urn('asker'), kid: acme.kid('asker') },
    audience: acme.urn('eu1'),
    request: REQUEST,
    wanted: { name: NAME, ...wanted },
    ...changes,
  };
}

describe('an asker accepts', () => {
  const accepted: [string, () => Promise<Bundle>, Partial<WantedPrompt>][] = [
    ['what latest stands for', async () => good.bundle, {}],
    ['what latest stands for, by its label', async () => good.bundle, { label: 'latest' }],
    ['the version it named', async () => good.bundle, { version: 3 }],
    ['the version it named, whatever label it named too', async () => good.bundle, { version: 3, label: 'production' }],
    [
      'an older version that it named',
      () =>
        bundleWith({}, {}).then(async (bundle) => ({
          ...bundle,
          tags: [await tag({ ver: 4, chash: other.sealed.chash })],
        })),
      { version: 3 },
    ],
    ['the content it saw before', async () => good.bundle, { version: 3, chash: 'same' }],
    [
      'a label that two users signed',
      async () => ({
        ...good.bundle,
        tags: [await tag({ tag: 'production' }), await tag({ tag: 'production' }, 'releaser')],
      }),
      { label: 'production' },
    ],
  ];
  it('an envelope that names the very directory that is trusted', async () => {
    const dir = acme.trust.directoryRef;
    await expect(checkSentBundle(await bundleWith({ dir }), context())).resolves.toMatchObject({
      envelope: { claims: { dir } },
    });
  });

  it.each(accepted)('%s', async (_name, bundle, wanted) => {
    const same = wanted.chash !== undefined && { chash: good.sealed.chash };
    const checked = await checkSentBundle(await bundle(), context({ ...wanted, ...same }));
    expect(checked.envelope).toMatchObject({
      sub: promptOf(acme),
      claims: { prm: { ver: 3, chash: good.sealed.chash } },
    });
    expect(checked.resolved).toMatchObject({ sub: promptOf(acme), name: NAME });
  });
});

describe('an asker refuses', () => {
  const tampered = (check: string) => ({ code: 'envelope_tampered', check });
  const wrong: [string, () => Promise<Bundle>, object, Partial<WantedPrompt>?][] = [
    [
      'an envelope of another vault',
      async () => ({ ...good.bundle, env: (await example(globex)).bundle.env }),
      { code: 'key_unknown' },
    ],
    ['an envelope for another responder', () => bundleWith({ aud: acme.urn('us1') }), tampered('envelope-audience')],
    [
      'an envelope for somebody else [guard: asker-requester]',
      () => bundleWith({ sub: acme.urn('owner') }),
      tampered('envelope-requester'),
    ],
    [
      'an envelope for another of its keys [guard: asker-key]',
      () => bundleWith({ cnf: { jkt: acme.kid('owner') } }),
      tampered('envelope-requester-key'),
    ],
    [
      'an answer to another request [guard: asker-request]',
      () => bundleWith({ req: 'req_1' }),
      tampered('envelope-request'),
    ],
    [
      'an envelope of a vault that has a newer directory [guard: envelope-newer]',
      () => bundleWith({ dir: { ver: acme.trust.directoryRef.ver + 1, hash: acme.trust.directoryRef.hash } }),
      { code: 'key_unknown', check: 'envelope-newer' },
    ],
    [
      'an envelope of a vault that has another directory of this version [guard: envelope-fork]',
      () => bundleWith({ dir: { ver: acme.trust.directoryRef.ver, hash: good.sealed.chash } }),
      { code: 'trust_rollback', check: 'envelope-fork' },
    ],
    [
      'an envelope that has expired',
      () => bundleWith({ iat: NOW - 300, nbf: NOW - 300, exp: NOW - 61 }),
      { code: 'envelope_expired' },
    ],
    [
      'a chat instead of a prompt [guard: asker-chat-for-prompt]',
      async () => ({ v: 1, env: chat, tags: [] }),
      tampered('envelope-type'),
    ],
    ['no tag', async () => ({ ...good.bundle, tags: [] }), { code: 'token_malformed', check: 'tag-count' }],
    ['a tag of another label', async () => good.bundle, tampered('tag-name'), { label: 'production' }],
    ['a tag of another name', async () => good.bundle, tampered('tag-name'), { name: 'claims/other' }],
    [
      'a tag of a label that one user alone signed',
      async () => ({ ...good.bundle, tags: [await tag({ tag: 'production' })] }),
      { code: 'forbidden', check: 'tag-threshold' },
      { label: 'production' },
    ],
    [
      'a tag that has expired',
      async () => ({ ...good.bundle, tags: [await tag({ iat: NOW - 7200, exp: NOW - 3600 })] }),
      { code: 'trust_expired' },
    ],
    [
      'a tag by somebody who is no author [guard: label-unruled]',
      async () => ({ ...good.bundle, tags: [await tag({}, 'member')] }),
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'a deleted label',
      async () => ({ ...good.bundle, tags: [await tag({ ver: 0, chash: '' })] }),
      { code: 'label_not_found' },
    ],
    [
      'another prompt than the label stands for [guard: asker-prompt]',
      async () => ({ ...good.bundle, tags: [await tag({ sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` })] }),
      tampered('envelope-prompt'),
    ],
    [
      'a prompt under another name',
      async () => bundleWith({ prm: { id: acme.prompts[0], name: 'claims/other', ver: 3, chash: good.sealed.chash } }),
      tampered('envelope-prompt'),
    ],
    [
      'another version than the label stands for [guard: asker-version]',
      async () => ({ ...good.bundle, tags: [await tag({ ver: 4 })] }),
      tampered('envelope-version'),
    ],
    ['another version than it named', async () => good.bundle, tampered('envelope-version'), { version: 2 }],
    [
      "another content of the label's version [guard: asker-content]",
      async () => ({ ...good.bundle, tags: [await tag({ chash: other.sealed.chash })] }),
      tampered('envelope-content'),
    ],
    [
      'another content of the version it named',
      async () => ({ ...good.bundle, tags: [await tag({ chash: other.sealed.chash })] }),
      tampered('envelope-content'),
      { version: 3 },
    ],
    [
      'another content than it saw before, of a version that no tag names any more',
      async () => ({ ...good.bundle, tags: [await tag({ ver: 4, chash: other.sealed.chash })] }),
      tampered('envelope-content'),
      { version: 3, chash: 'other' },
    ],
    ['a swapped grant', async () => ({ ...good.bundle, grant: other.grant }), tampered('grant-hash')],
    ['a swapped content', async () => ({ ...good.bundle, content: other.bundle.content }), tampered('content-hash')],
  ];
  it.each(wrong)('%s', async (_name, bundle, error, wanted = {}) => {
    await expect(checkSentBundle(await bundle(), context(wanted))).rejects.toMatchObject(error);
  });

  const moved: [string, object, object?][] = [
    ['a content of another organisation', { org: 'globex' }],
    ['a content of another prompt [guard: asker-content-place]', { sub: ANOTHER }],
    ['a content of another version', { ver: 2 }],
  ];
  it.each(moved)('%s, even where envelope and tag name it', async (_name, change) => {
    const content = withPart(good.bundle.content, 0, { ...parseContent(good.bundle.content).header, ...change });
    const chash = await tokenHash(content);
    const bundle = await bundleWith({}, { content, tags: [await tag({ chash })] });
    await expect(checkSentBundle(bundle, context())).rejects.toMatchObject(tampered('content-place'));
  });

  it('a content that commits to no key, even where its grant has none [guard: asker-committed]', async () => {
    const without = { dkc: undefined };
    const content = withPart(good.bundle.content, 0, { ...parseContent(good.bundle.content).header, ...without });
    const chash = await tokenHash(content);
    const grant = withPart(good.bundle.grant, 0, { ...parseGrant(good.bundle.grant).header, ...without, chash });
    const bundle = await bundleWith(
      { whash: await tokenHash(grant) },
      { content, grant, tags: [await tag({ chash })] },
    );
    await expect(checkSentBundle(bundle, context())).rejects.toMatchObject({ code: 'content_uncommitted' });
  });

  const granted: [string, () => object, object][] = [
    ['of another prompt', () => ({ sub: ANOTHER }), tampered('grant-place')],
    ['of another version [guard: asker-grant-place]', () => ({ ver: 2 }), tampered('grant-place')],
    ['of another content', () => ({ chash: other.sealed.chash }), tampered('grant-place')],
    ['of another content key', () => ({ dek: other.sealed.dekId }), tampered('grant-place')],
    ['of another commitment', () => ({ dkc: other.sealed.dkc }), tampered('grant-place')],
    ['of no commitment', () => ({ dkc: undefined }), tampered('grant-place')],
    [
      'to another responder',
      () => ({ aud: acme.urn('us1'), kid: acme.kid('us1', 'enc') }),
      tampered('grant-recipient'),
    ],
    ['that names another responder, to the right key', () => ({ aud: acme.urn('us1') }), tampered('grant-recipient')],
    [
      'to a key of somebody else [guard: asker-grant-recipient]',
      () => ({ kid: acme.kid('us1', 'enc') }),
      tampered('grant-recipient'),
    ],
    [
      'to a key that nobody holds',
      () => ({ kid: globex.kid('eu1', 'enc') }),
      { code: 'key_unknown', check: 'grant-recipient' },
    ],
  ];
  it.each(granted)('a grant %s, even where the envelope names it', async (_name, change, error) => {
    const header = { ...parseGrant(good.grant).header, ...change() };
    const grant = await rawJwe(header, good.sealed.dek.reveal(), acme.holder('eu1', 'enc').record.jwk);
    await expect(checkSentBundle(await bundleWith({}, { grant }), context())).rejects.toMatchObject(error);
  });

  it('everything once root, policy or directory has expired [guard: asker-fresh]', async () => {
    const late = context({}, { now: acme.trust.expiresAt });
    await expect(checkSentBundle(good.bundle, late)).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'trust-fresh',
    });
  });

  it('any exchange of parts between versions, prompts and organisations', async () => {
    const statement = await signStatement(exampleStatement(acme, { ver: 2 }), await acme.signer('owner'));
    const sealed = await sealContent(statement, { org: 'acme', sub: promptOf(acme), ver: 2 });
    const grant = await sealGrant(sealed.dek, sealed, acme.holder('eu1', 'enc'));
    const foreign = (await example(globex)).bundle;
    const strangers: Partial<PromptBundle>[] = [
      { content: sealed.content },
      { grant },
      { content: sealed.content, grant },
      ...(['env', 'grant', 'content', 'tags'] as const).map((part) => ({ [part]: foreign[part] })),
      ...(['env', 'grant', 'content', 'tags'] as const).map((part) => ({ ...foreign, [part]: good.bundle[part] })),
      foreign,
    ];
    for (const parts of strangers) {
      await expect(checkSentBundle({ ...good.bundle, ...parts }, context())).rejects.toMatchObject({
        code: expect.stringMatching(/^(envelope_tampered|key_unknown)$/),
      });
    }
  });
});
