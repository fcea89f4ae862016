import { beforeAll, describe, expect, it } from '@jest/globals';
import { example, exampleChatEnvelope, REQUEST } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import type { Bundle, ChatAskerContext } from './bundle.js';
import { checkChatBundleForAsker, parseBundle } from './bundle.js';
import type { ChatEnvelopeClaims } from './envelope.js';
import { signChatEnvelope } from './envelope.js';

let acme: TestOrganisation;
let globex: TestOrganisation;
beforeAll(async () => {
  [acme, globex] = await Promise.all([loadOrganisation('acme'), loadOrganisation('globex')]);
});

async function bundleWith(changes: Partial<ChatEnvelopeClaims> = {}, organisation = acme): Promise<Bundle> {
  const claims = { ...exampleChatEnvelope(organisation), dir: organisation.trust.directoryRef, ...changes };
  return { v: 1, env: await signChatEnvelope(claims, await organisation.signer('vault')), tags: [] };
}

function check(bundle: Bundle, changes: Partial<ChatAskerContext> = {}) {
  const { pol } = exampleChatEnvelope(acme);
  const context: ChatAskerContext = {
    trust: acme.trust,
    now: NOW,
    asker: { urn: acme.urn('asker'), kid: acme.kid('asker') },
    audience: acme.urn('eu1'),
    request: REQUEST,
    wanted: { models: pol.models, uses: pol.uses },
    ...changes,
  };
  return checkChatBundleForAsker(parseBundle(bundle), context);
}

describe('an asker of a chat', () => {
  it('accepts what it asked for', async () => {
    await expect(check(await bundleWith())).resolves.toMatchObject({
      kind: 'chat',
      claims: { sub: acme.urn('asker') },
    });
  });

  const tampered = (at: string) => ({ code: 'envelope_tampered', check: at });
  it.each<[string, () => Promise<Bundle>, object, Partial<ChatAskerContext>?]>([
    ['the envelope of another vault', () => bundleWith({}, globex), { code: 'key_unknown' }],
    ['an envelope for another responder', () => bundleWith({ aud: acme.urn('us1') }), tampered('envelope-audience')],
    ['an envelope for somebody else', () => bundleWith({ sub: acme.urn('owner') }), tampered('envelope-requester')],
    [
      'an envelope for another key',
      () => bundleWith({ cnf: { jkt: acme.kid('owner') } }),
      tampered('envelope-requester-key'),
    ],
    ['the answer to another request', () => bundleWith({ req: 'another-request-01' }), tampered('envelope-request')],
    [
      'an envelope of a prompt [guard: asker-prompt-for-chat]',
      async () => (await example(acme)).bundle,
      tampered('envelope-type'),
    ],
    [
      'an envelope that says no directory [guard: asker-chat-directory]',
      () => {
        const { dir: _dir, ...claims } = exampleChatEnvelope(acme);
        return acme
          .signer('vault')
          .then((signer) => signChatEnvelope(claims, signer))
          .then((env) => ({ v: 1, env, tags: [] }));
      },
      tampered('envelope-newer'),
    ],
    [
      'an envelope that names a newer directory',
      () => bundleWith({ dir: { ...acme.trust.directoryRef, ver: acme.trust.directoryRef.ver + 1 } }),
      { code: 'key_unknown', check: 'envelope-newer' },
    ],
    [
      'other models than it asked for [guard: asker-chat-models]',
      () => bundleWith({ pol: { ...exampleChatEnvelope(acme).pol, models: ['another'] } }),
      tampered('envelope-models'),
    ],
    [
      'another number of questions than it asked for [guard: asker-chat-uses]',
      () => bundleWith({ pol: { ...exampleChatEnvelope(acme).pol, uses: 2 } }),
      tampered('envelope-uses'),
    ],
    ['what came too late', () => bundleWith(), { code: 'envelope_expired' }, { now: NOW + 181 }],
  ])('refuses %s', async (_name, bundle, error, changes = {}) => {
    await expect(check(await bundle(), changes)).rejects.toMatchObject(error);
  });
});
