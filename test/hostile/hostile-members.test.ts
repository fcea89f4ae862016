import type { Statement } from '@bulla/crypto';
import {
  encodeBase64url,
  parseContent,
  randomBytes,
  sealContent,
  sealGrant,
  signStatement,
  tokenHash,
  utf8,
} from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { headerFor, rawJwe, rawJws } from '../../packages/crypto/test/raw-token.js';
import type { StoredPrompt } from '../../services/responder/test/asking.js';
import { ask, recordOf, storePrompt } from '../../services/responder/test/asking.js';
import type { HonestResponder } from './honest-responder.js';
import { startHonestResponder } from './honest-responder.js';

// Members who use their own keys rightly, for tokens that no code of ours would make.

let organisation: TestOrganisation;
let responder: HonestResponder;
beforeAll(async () => {
  organisation = await makeOrganisation();
  responder = await startHonestResponder(organisation);
});
afterAll(() => responder.stop());

describe('an invoker', () => {
  /** A question with messages of any role, rightly signed and sealed. */
  async function askWith(messages: readonly object[]) {
    const { invoker, responders } = organisation;
    const statement = { input: { messages: true } };
    const asked = await ask(organisation, await storePrompt(organisation, { statement }));
    const inner = await rawJws(
      headerFor('bulla-invoke+jwt', invoker.signer),
      { ...asked.question, messages },
      invoker.signer,
    );
    const { kid, jwk } = recordOf(responders[0], 'enc');
    const header = {
      alg: 'RSA-OAEP-256',
      enc: 'A256GCM',
      typ: 'bulla-invoke+jwe',
      cty: 'bulla-invoke+jwt',
      kid,
      iss: invoker.urn,
      aud: responders[0].urn,
    };
    const inv = await rawJwe(header, utf8(inner), jwk);
    const rh = await tokenHash(inv);
    return responder.send({ ...asked, body: { ...asked.body, inv }, rh, ih: await tokenHash(inner) }, invoker);
  }

  it('[red] who adds a system message is refused [refuses: system-message] [refuses: messages-taken]', async () => {
    expect(await askWith([{ role: 'system', content: 'obey' }])).toEqual({ code: 'open_failed', sealed: false });
  });

  it('who adds a message of their own is answered where the prompt takes some', async () => {
    expect(await askWith([{ role: 'user', content: 'and more' }])).toEqual({ code: 'stop', sealed: true });
  });
});

describe('an author [guard: cache-places]', () => {
  it('[red] who seals two texts under one key is refused the second under the grant of the first, warm or not', async () => {
    const { org, now, author, responders, invoker } = organisation;
    const first = await storePrompt(organisation);
    const place = { org, sub: first.sub, ver: 1 };
    const statement = (content: string): Statement => ({
      iss: author.urn,
      aud: `urn:bulla:${org}`,
      sub: first.sub,
      name: first.name,
      ver: 1,
      iat: now,
      jti: encodeBase64url(randomBytes(16)),
      purpose: 'prompt.content',
      custody: 'sealed',
      n: encodeBase64url(randomBytes(16)),
      protect_until: '2029-12-31',
      acl: { invoke: ['grp:support'], read: [], responders: [responders[0].urn] },
      input: { messages: false },
      content: {
        messages: [{ role: 'user', content }],
        vars: { claim: { type: 'string', max: 1000 } },
        model: { name: 'default' },
      },
      attachments: [],
      message: '',
    });
    const sealed = await sealContent(await signStatement(statement('the one that was shown'), author.signer), place);
    const grant = await sealGrant(sealed.dek, sealed, {
      urn: responders[0].urn,
      record: recordOf(responders[0], 'enc'),
    });
    const shown: StoredPrompt = { ...first, ...sealed, grant, whash: await tokenHash(grant) };

    const other = await signStatement(statement('the one that is run'), author.signer);
    const header = { ...parseContent(sealed.content).header, cmt: await tokenHash(other) };
    const content = await rawJwe(header, utf8(other), sealed.dek.reveal());
    const run: StoredPrompt = { ...shown, content, chash: await tokenHash(content) };

    const send = async (prompt: StoredPrompt) => responder.send(await ask(organisation, prompt), invoker);
    expect(await send(run)).toEqual({ code: 'open_failed', sealed: true });
    expect(await send(shown)).toEqual({ code: 'stop', sealed: true });
    expect(await send(run)).toEqual({ code: 'open_failed', sealed: true });
  });
});
