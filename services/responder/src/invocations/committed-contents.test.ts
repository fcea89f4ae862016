import { parseGrant, tokenHash } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { expect, it } from '@jest/globals';
import { ask, recordOf, storePrompt } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';

// Contents commit to their key, and a responder goes by nothing else (protocol.md A16).

const all = suite();

it('a responder says inside the reply that its grant does not give the key, and outside nothing [guard: opener-unfit]', async () => {
  const [to] = all.organisation.responders;
  const prompt = await storePrompt(all.organisation);
  const { sub, ver, dek: dekId, chash, dkc = '' } = parseGrant(prompt.grant).header;
  const grant = await sealUnfit({ sub, ver, dekId, chash, dkc }, { urn: to.urn, record: recordOf(to, 'enc') });
  // A wrong key, and a tag that is wrong: nobody learns which it was.
  for (const unfit of [grant, `${prompt.grant.slice(0, -22)}${'A'.repeat(22)}`]) {
    const asked = await ask(all.organisation, { ...prompt, grant: unfit, whash: await tokenHash(unfit) });
    const response = await all.send(asked, all.organisation.invoker);
    expect(await refusalOf(all, asked, response)).toEqual({ code: 'grant_unfit', sealed: true });
  }
});

it('a responder refuses a content that commits to no key by name, before a key is used [guard: run-committed]', async () => {
  const asked = await ask(all.organisation, await storePrompt(all.organisation, { isEarlier: true }));
  const response = await all.send(asked, all.organisation.invoker);
  expect(await refusalOf(all, asked, response)).toEqual({ code: 'content_uncommitted', sealed: false });
});

it('a responder tells what it tried of its own keys, page by page, to people who may see grants [guard: tried-own]', async () => {
  const { owner, invoker, author, responders } = all.organisation;
  const [own, other] = responders.map((one) => recordOf(one, 'enc').kid);
  const rows = ['A', 'B', 'C'].map((first) => ({
    org: 'acme',
    kid: own ?? '',
    whash: first.repeat(43),
    fit: first !== 'B',
  }));
  await all.database.db.insertInto('tried_grant').values(rows).execute();
  const get = (query: string, by = owner) => all.responder.client(by).get(`/api/v1/grants/tried?${query}`);
  const first = await get(`kid=${own}&limit=2`);
  expect(first).toMatchObject({ status: 200, body: { data: [{ fit: true }, { fit: false }] } });
  const { next_cursor: cursor } = first.body as { next_cursor: string };
  expect(await get(`kid=${own}&cursor=${cursor}`, author)).toMatchObject({
    body: { data: [{ whash: 'C'.repeat(43), fit: true }], next_cursor: null },
  });
  for (const kid of [other, author.sig.kid, 'A'.repeat(43)]) expect((await get(`kid=${kid}`)).status).toBe(404);
  expect((await get(`kid=${own}`, invoker)).status).toBe(403);
});
