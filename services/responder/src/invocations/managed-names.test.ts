import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SignAlg } from '@bulla/crypto';
import { loadSigner, privateJwkOf, urnOf } from '@bulla/crypto';
import type { StoreOptions, TestMember } from '../../test/asking.js';
import { ask, CANARY_VALUE, storePrompt } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';

// Names that the policy has the vault manage run as sealed ones do; the vault may sign what is under them, and nothing else.

const all = suite({
  organisation: { manages: true, policy: { custody: { '*': 'sealed', 'open/': 'managed', 'open/secret/': 'sealed' } } },
});
const MANAGED = { name: 'open/faq', statement: { custody: 'managed' } } as const;

/** The vault with the key by which it signs contents. */
let vault: TestMember;
let gateway: TestMember;
beforeAll(async () => {
  const { organisation } = all;
  const key = organisation.vault.keyFile.keys.find(({ pur }) => pur.includes('content'));
  if (key === undefined) throw new Error('the vault has no key for contents');
  vault = { ...organisation.vault, signer: await loadSigner(privateJwkOf(key), key.alg as SignAlg) };
  const device = await organisation.makeDevice('gateway', { roles: ['invoker'], groups: [] });
  const urn = urnOf(organisation.org, 'svc', 'gateway:1');
  const keys = device.entity.keys.map((record) =>
    record.use === 'sig' ? { ...record, pur: ['http' as const, 'invoke' as const] } : record,
  );
  const entity = { kind: 'gateway', roles: ['gateway', 'invoker'], groups: ['grp:support'], keys } as const;
  gateway = {
    ...device,
    urn,
    keyid: `${urn}#${device.sig.kid}`,
    entity: { ...entity, roles: [...entity.roles], groups: [...entity.groups] },
  };
  await organisation.publish((draft) => {
    draft.entities[gateway.urn] = gateway.entity;
  });
  await all.refresh();
});

describe('a managed name runs', () => {
  it.each<[string, () => StoreOptions]>([
    ['by a device', () => MANAGED],
    ['by the vault, with its key for contents', () => ({ ...MANAGED, author: vault })],
  ])('what was signed %s', async (_author, options) => {
    const { text, fin } = await all.run(await ask(all.organisation, await storePrompt(all.organisation, options())));
    expect([fin.finish, text.includes(CANARY_VALUE)]).toEqual(['stop', true]);
  });

  it('for a service that asks, which no sealed name does', async () => {
    const managed = await storePrompt(all.organisation, MANAGED);
    const { fin } = await all.run(await ask(all.organisation, managed, { asker: gateway }), gateway);
    expect(fin.finish).toBe('stop');
    const asked = await ask(all.organisation, await storePrompt(all.organisation), { asker: gateway });
    const refusal = await refusalOf(all, asked, await all.send(asked, gateway));
    expect(refusal).toEqual({ code: 'custody_not_allowed', sealed: true });
  });
});

describe('[red] a responder refuses', () => {
  it.each<[string, () => StoreOptions]>([
    ['what the vault signed under a sealed name', () => ({ author: vault })],
    [
      'what the vault signed under a sealed name and calls managed',
      () => ({ author: vault, statement: { custody: 'managed' } }),
    ],
    [
      'what the vault signed under a sealed name within a managed prefix',
      () => ({ ...MANAGED, name: 'open/secret/faq', author: vault }),
    ],
    ['what the vault signed with its key for envelopes', () => ({ ...MANAGED, author: all.organisation.vault })],
    ['what an author sealed before the policy had its name managed', () => ({ name: 'open/faq' })],
    ['what was managed before the policy had its name sealed', () => ({ statement: { custody: 'managed' } })],
  ])('%s', async (_name, options) => {
    const asked = await ask(all.organisation, await storePrompt(all.organisation, options()));
    const refusal = await refusalOf(all, asked, await all.send(asked));
    expect(refusal).toEqual({ code: 'open_failed', sealed: true });
  });
});
