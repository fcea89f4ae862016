import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkBundleForAsker, parseBundle } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { urnOf } from '@bulla/crypto';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  moveLabel,
  must,
  publishPrompt,
  pushVersion,
  sealVersion,
} from './authoring.js';
import { countStatuses, untilSettled } from './refusals.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

describe.each<Store>(['PostgreSQL', 'PGlite'])('on %s', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());

  it('takes a prompt, hands out an envelope that its asker accepts, and the responder can open what is in it', async () => {
    const { acme, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const [responder] = acme.responders;
    const request = `request-${mintId('env')}`;
    const response = await vault
      .clientOf(acme.invoker)
      .post(
        '/api/v1/envelopes',
        { name: prompt.name, label: 'production', aud: responder.urn },
        { idempotencyKey: request },
      );
    expect(response.status).toBe(201);
    const bundle = parseBundle(response.body);
    const { envelope, resolved } = await checkBundleForAsker(bundle, {
      trust: acme.trust,
      now: clock.now(),
      asker: { urn: acme.invoker.urn, kid: acme.invoker.sig.kid },
      audience: responder.urn,
      request,
      wanted: { name: prompt.name, label: 'production' },
    });
    expect(resolved).toMatchObject({ version: 1, seq: 1, chash: prompt.version.chash });
    expect(envelope.claims).toMatchObject({ pol: { uses: 1, stream: true }, exp: clock.now() + 120 });
    const sub = urnOf('acme', 'prompt', prompt.id);
    if (bundle.kind !== 'prompt') throw new Error('it is of no prompt');
    const { kid: dekId, dkc = '' } = bundle.content.header;
    const expected = { urn: responder.urn, sub, ver: 1, chash: prompt.version.chash, dekId, dkc };
    const dek = await openGrant(bundle.grant, await responder.unwrapper(), expected);
    const statement = await openContent(bundle.content, dek, { org: 'acme', sub, ver: 1 });
    expect(statement.split('.')).toHaveLength(3);
  });

  it('shows an author the prompt, its versions, labels and own grant', async () => {
    const { acme } = vault;
    const author = vault.clientOf(acme.author);
    const prompt = await createPrompt(vault, acme);
    const first = await pushVersion(vault, acme, prompt, 1);
    const second = await pushVersion(vault, acme, prompt, 2);
    await moveLabel(vault, acme, prompt, { tag: 'latest', ver: 2, chash: second.chash, seq: 1 });
    const path = `/api/v1/prompts/${prompt.id}`;

    const shown = must(200, await author.get(path));
    expect(shown.body).toMatchObject({
      ...prompt,
      latest_version: 2,
      labels: [{ label: 'latest', version: 2, seq: 1 }],
      deleted_at: null,
    });
    await author.verify(shown, acme.trust, acme.vault.urn);
    expect(must(200, await author.get(`/api/v1/prompts/by-name?name=${encodeURIComponent(prompt.name)}`)).body).toEqual(
      shown.body,
    );

    const versions = must(200, await author.get(`${path}/versions`));
    expect(versions.body).toMatchObject({
      data: [
        { version: 2, chash: second.chash, author: { urn: acme.author.urn, kid: acme.author.sig.kid } },
        { version: 1, chash: first.chash },
      ],
      next_cursor: null,
    });
    const version = must(200, await author.get(`${path}/versions/1`));
    expect(version.body).toMatchObject({ version: 1, content: first.content, grant: first.grants[0] });
    const foreign = must(200, await vault.clientOf(acme.auditor).get(`${path}/versions/1`));
    expect(foreign.body).toMatchObject({ version: 1, content: first.content, grant: null });

    const labels = must(200, await author.get(`${path}/labels`));
    expect(labels.body).toMatchObject({ data: [{ label: 'latest', version: 2, seq: 1, tags: [expect.any(String)] }] });
    expect(must(200, await author.get(`${path}/labels/latest`)).body).toEqual(
      bodyOf<{ data: unknown[] }>(labels).data[0],
    );
  });

  it('answers a retry as it answered the first try', async () => {
    const { acme } = vault;
    const author = vault.clientOf(acme.author);
    const body = { id: mintId('prm'), name: `retries/${store.toLowerCase()}`, type: 'chat' };
    const idempotencyKey = `retry-${body.id}`;
    const first = must(201, await author.post('/api/v1/prompts', body, { idempotencyKey }));
    const again = must(201, await author.post('/api/v1/prompts', body, { idempotencyKey }));
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replayed']).toBe('?1');
    const differs = await author.post('/api/v1/prompts', { ...body, type: 'text' }, { idempotencyKey });
    expect([differs.status, bodyOf(differs)['code']]).toEqual([422, 'idempotency_conflict']);
  });

  it('lets one of many in who push the same version at the same moment', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const sealed = await Promise.all(Array.from({ length: 10 }, () => sealVersion(acme, acme.author, prompt, 1)));
    const author = vault.clientOf(acme.author);
    const responses = await Promise.all(
      sealed.map(({ content, grants }) =>
        untilSettled(() => author.post(`/api/v1/prompts/${prompt.id}/versions`, { content, grants }, basedOn(0))),
      ),
    );
    expect(countStatuses(responses)).toEqual({ 201: 1, 412: 9 });
  });
});
