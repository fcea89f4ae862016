import { beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyRecord } from '@bulla/crypto';
import { mintId, sealInvocation, tokenHash, urnOf } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { ask, recordOf, storePrompt } from '../../test/asking.js';
import type { Asked, StoredPrompt, TestMember } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';

type Gateway = Extract<TestMember['entity'], { kind: 'gateway' }>;
type Draft = Parameters<NonNullable<Parameters<TestOrganisation['publish']>[0]>>[0];

const all = suite();
let prompt: StoredPrompt;
/** A service that has the right to ask, and none to carry what others ask. */
let service: TestMember;
/** A key of the responder that it lost. */
let lost: KeyRecord;

beforeAll(async () => {
  const { organisation } = all;
  const [responder] = organisation.responders;
  prompt = await storePrompt(organisation);
  service = await makeGateway('gateway:2', ['service', 'invoker']);
  lost = recordOf(await organisation.makeDevice('lost', { roles: ['invoker'], groups: [] }), 'enc');
  await organisation.publish((draft) => {
    draft.entities[service.urn] = service.entity;
    draft.entities[responder.urn]?.keys.push(lost);
    draft.revoked.push({ kid: lost.kid, reason: 'keyCompromise', at: organisation.now });
  });
  await all.refresh();
});

/** A gateway with the keys of a device. */
async function makeGateway(
  name: 'gateway:2' | 'gateway:3' | 'gateway:4',
  roles: Gateway['roles'],
): Promise<TestMember> {
  const { organisation } = all;
  const device = await organisation.makeDevice(name, { roles: ['invoker'], groups: [] });
  const urn = urnOf(organisation.org, 'svc', name);
  const keys = device.entity.keys.map((key) =>
    key.use === 'sig' ? { ...key, pur: ['http' as const, 'invoke' as const] } : key,
  );
  const entity: Gateway = { kind: 'gateway', roles, groups: ['grp:support'], keys };
  return { ...device, urn, keyid: `${urn}#${device.sig.kid}`, entity };
}

/** A question as somebody else than the asker would have it. */
async function resealed(asked: Asked, to: { readonly urn: string; readonly record: KeyRecord }): Promise<Asked> {
  const question = { ...asked.question, aud: to.urn, jti: mintId('inv') };
  const sealed = await sealInvocation(question, all.organisation.invoker.signer, to);
  return { ...asked, question, body: { ...asked.body, inv: sealed.token } };
}

/** What costs no private-key work. Anybody can send it as often as they like; it must not keep the responder busy. */
const CASES: readonly {
  readonly name: string;
  readonly code: string;
  readonly make: () => Promise<Asked>;
  readonly as?: () => TestMember;
}[] = [
  {
    name: 'a question that is carried by a service without the role of a gateway [guard: run-gateway-role]',
    code: 'envelope_tampered',
    make: () => ask(all.organisation, prompt),
    as: () => service,
  },
  {
    name: 'a question that is sealed to another responder [guard: run-outside-audience]',
    code: 'envelope_tampered',
    make: async () => {
      const [, other] = all.organisation.responders;
      return resealed(await ask(all.organisation, prompt), { urn: other.urn, record: recordOf(other, 'enc') });
    },
  },
  {
    name: 'a question of somebody else under this envelope [guard: run-outside-issuer]',
    code: 'envelope_tampered',
    make: () => ask(all.organisation, prompt, { question: { iss: all.organisation.owner.urn } }),
  },
  {
    name: 'a question that is sealed to a key which the responder lost [guard: run-question-key]',
    code: 'key_revoked',
    make: async () => {
      const [{ urn }] = all.organisation.responders;
      return resealed(await ask(all.organisation, prompt), { urn, record: lost });
    },
  },
  {
    name: 'a grant to a key which the responder lost [guard: run-grant-key]',
    code: 'key_revoked',
    make: async () => {
      const [{ urn }] = all.organisation.responders;
      const { sub, ver, chash } = prompt;
      const place = { sub, ver, chash, dekId: `dek_${'0'.repeat(32)}`, dkc: chash };
      const grant = await sealUnfit(place, { urn, record: lost });
      return ask(all.organisation, { ...prompt, grant, whash: await tokenHash(grant) });
    },
  },
];

describe('a responder refuses, before any private key has worked,', () => {
  it.each(CASES)('$name: $code', async ({ code, make, as }) => {
    const asked = await make();
    const before = all.responder.unwrapper.calls;
    const response = await all.send(asked, as?.() ?? all.organisation.invoker);
    const refusal = await refusalOf(all, asked, response);
    expect({ ...refusal, unwraps: all.responder.unwrapper.calls - before }).toEqual({
      code,
      sealed: false,
      unwraps: 0,
    });
  });
});

describe('a responder judges anew who carries a question that names a newer directory, and refuses', () => {
  it.each([
    [
      'whoever lost the role there [guard: run-role-again]',
      'gateway:3',
      'forbidden',
      ({ urn, entity }: TestMember, draft: Draft) => {
        draft.entities[urn] = { ...(entity as Gateway), roles: ['service'] };
      },
    ],
    [
      'whoever lost the key there [guard: run-key-again]',
      'gateway:4',
      'key_revoked',
      ({ sig: { kid } }: TestMember, draft: Draft) => {
        draft.revoked.push({ kid, reason: 'keyCompromise', at: all.organisation.now });
      },
    ],
  ] as const)('%s', async (_name, name, code, lose) => {
    const { organisation, responder } = all;
    const gateway = await makeGateway(name, ['gateway']);
    await organisation.publish((draft) => {
      draft.entities[gateway.urn] = gateway.entity;
    });
    responder.clock.advance(2);
    await all.refresh();
    const carried = await all.run(await ask(organisation, prompt), gateway);
    expect(carried.fin.finish).toBe('stop');
    await organisation.publish((draft) => lose(gateway, draft));
    responder.clock.advance(2);
    const asked = await ask(organisation, prompt);
    const refusal = await refusalOf(all, asked, await all.send(asked, gateway));
    expect(refusal).toEqual({ code, sealed: false });
  });
});
