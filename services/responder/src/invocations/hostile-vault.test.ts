import { beforeAll, describe, expect, it } from '@jest/globals';
import { mintId, signEnvelope, tokenHash, urnOf } from '@bulla/crypto';
import { ask, storePrompt } from '../../test/asking.js';
import type { Asked, StoredPrompt, TestMember } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';

const all = suite();
let prompt: StoredPrompt;
/** An author who was revoked, with statements from before and dated before. */
let leaver: TestMember;
/** A service that carries what devices asked, and may ask itself. */
let gateway: TestMember;

beforeAll(async () => {
  const { organisation } = all;
  prompt = await storePrompt(organisation);
  leaver = await organisation.makeDevice('leaver', {
    roles: ['author', 'invoker'],
    groups: ['grp:authors', 'grp:support'],
  });
  gateway = await makeGateway();
  await organisation.publish((draft) => {
    draft.entities[leaver.urn] = leaver.entity;
    draft.entities[gateway.urn] = gateway.entity;
  });
  await organisation.publish((draft) => {
    draft.revoked.push({ kid: leaver.sig.kid, reason: 'keyCompromise', at: organisation.now });
  });
  await all.refresh();
});

/** A gateway with the keys of a device. */
async function makeGateway(): Promise<TestMember> {
  const { organisation } = all;
  const device = await organisation.makeDevice('gateway', { roles: ['invoker'], groups: [] });
  const urn = urnOf(organisation.org, 'svc', 'gateway:1');
  const keys = device.entity.keys.map((key) =>
    key.use === 'sig' ? { ...key, pur: ['http' as const, 'invoke' as const] } : key,
  );
  const entity = {
    kind: 'gateway' as const,
    roles: ['gateway' as const, 'invoker' as const],
    groups: ['grp:services'],
    keys,
  };
  return { ...device, urn, keyid: `${urn}#${device.sig.kid}`, entity };
}

/** What a vault, a thief or an asker without manners sends, and how it is refused. */
const CASES: readonly {
  readonly name: string;
  readonly code: string;
  readonly sealed: boolean;
  readonly make: () => Promise<Asked>;
  readonly as?: () => TestMember;
}[] = [
  {
    name: "[red] another prompt's content under this prompt's name [refuses: another-prompt]",
    code: 'open_failed',
    sealed: true,
    make: async () => {
      const other = await storePrompt(all.organisation, { name: 'claims/other' });
      return ask(all.organisation, { ...other, id: prompt.id, sub: prompt.sub, name: prompt.name });
    },
  },
  {
    name: '[red] the right id with the name of another prompt [guard: opener-one-error]',
    code: 'open_failed',
    sealed: true,
    make: () => ask(all.organisation, { ...prompt, name: 'claims/renamed' }),
  },
  {
    name: '[red] an older version as a newer one',
    code: 'open_failed',
    sealed: true,
    make: () => ask(all.organisation, { ...prompt, ver: 2 }),
  },
  {
    name: '[red] an author outside the groups of the name [refuses: author-outside] [refuses: signer-may-author]',
    code: 'open_failed',
    sealed: true,
    make: async () => ask(all.organisation, await storePrompt(all.organisation, { author: all.organisation.invoker })),
  },
  {
    name: '[red] content that the vault signed under a sealed name [refuses: vault-signed] [refuses: signer-may-author]',
    code: 'open_failed',
    sealed: true,
    make: async () => ask(all.organisation, await storePrompt(all.organisation, { author: all.organisation.vault })),
  },
  {
    name: '[red] content that the vault signed and calls managed',
    code: 'open_failed',
    sealed: true,
    make: async () => {
      const { vault: author } = all.organisation;
      return ask(all.organisation, await storePrompt(all.organisation, { author, statement: { custody: 'managed' } }));
    },
  },
  {
    name: 'a prompt with a file that no question brings [guard: responder-attachments]',
    code: 'open_failed',
    sealed: true,
    make: async () => {
      const hash = await tokenHash('a file');
      const attachments = [{ id: 'policy.pdf', key: hash, size: 48_213, hash }];
      return ask(all.organisation, await storePrompt(all.organisation, { statement: { attachments } }));
    },
  },
  {
    name: '[red] content of a revoked author, backdated [refuses: author-backdated] [refuses: iat-decides-nothing]',
    code: 'open_failed',
    sealed: true,
    make: async () => {
      const statement = { iat: all.organisation.now - 86_400 };
      return ask(all.organisation, await storePrompt(all.organisation, { author: leaver, statement }));
    },
  },
  {
    name: '[red] a question by one device in the name of another (E.sub is not the holder of the key), carried by a gateway [guard: run-asker]',
    code: 'envelope_tampered',
    sealed: false,
    make: () => {
      const { owner, invoker } = all.organisation;
      return ask(all.organisation, prompt, {
        envelope: { sub: owner.urn },
        question: { iss: owner.urn },
        asker: invoker,
      });
    },
    as: () => gateway,
  },
  {
    name: '[red] a sealed prompt to a service that asks in its own name [guard: access-device]',
    code: 'custody_not_allowed',
    sealed: true,
    make: async () => {
      const acl = { invoke: ['grp:services'], read: [], responders: [all.organisation.responders[0].urn] };
      return ask(all.organisation, await storePrompt(all.organisation, { statement: { acl } }), { asker: gateway });
    },
    as: () => gateway,
  },
  {
    name: '[red] an envelope for another device, stolen [guard: run-requester]',
    code: 'envelope_tampered',
    sealed: false,
    make: () => ask(all.organisation, prompt, { asker: all.organisation.owner }),
  },
  {
    name: '[red] an envelope that names the device and the key of another one',
    code: 'envelope_tampered',
    sealed: false,
    make: () => ask(all.organisation, prompt, { envelope: { cnf: { jkt: all.organisation.owner.sig.kid } } }),
  },
  {
    name: 'an envelope that a device signed',
    code: 'key_unknown',
    sealed: false,
    make: async () => {
      const asked = await ask(all.organisation, prompt);
      const env = await signEnvelope(asked.envelope, all.organisation.author.signer);
      return { ...asked, body: { ...asked.body, bundle: { ...asked.body.bundle, env } } };
    },
  },
  {
    name: 'an envelope for another responder',
    code: 'envelope_tampered',
    sealed: false,
    make: () => ask(all.organisation, prompt, { responder: all.organisation.responders[1] }),
  },
  {
    name: 'a swapped grant',
    code: 'envelope_tampered',
    sealed: false,
    make: async () => {
      const other = await storePrompt(all.organisation);
      return ask(all.organisation, prompt, { bundle: { grant: other.grant } });
    },
  },
  {
    name: 'a swapped content [guard: run-hashes]',
    code: 'envelope_tampered',
    sealed: false,
    make: async () => {
      const other = await storePrompt(all.organisation);
      return ask(all.organisation, prompt, { bundle: { content: other.content } });
    },
  },
  {
    name: "[red] a warm grant and content with another prompt's reference (cache hit) [refuses: cache-other-prompt] [refuses: compared-when-cached]",
    code: 'open_failed',
    sealed: true,
    make: async () => {
      await all.run(await ask(all.organisation, prompt));
      const id = mintId('prm');
      return ask(all.organisation, { ...prompt, id, sub: urnOf(all.organisation.org, 'prompt', id) });
    },
  },
  {
    name: '[red] further messages where the prompt takes none [guard: input-messages]',
    code: 'validation_failed',
    sealed: true,
    make: () => ask(all.organisation, prompt, { question: { messages: [{ role: 'user', content: 'and more' }] } }),
  },
  {
    name: '[red] an asker outside the groups of the prompt [guard: run-access] [guard: access-groups]',
    code: 'forbidden',
    sealed: true,
    make: async () => {
      const acl = { invoke: ['grp:release'], read: [], responders: [all.organisation.responders[0].urn] };
      return ask(all.organisation, await storePrompt(all.organisation, { statement: { acl } }));
    },
  },
  {
    name: 'a prompt that does not run here [guard: access-responder]',
    code: 'forbidden',
    sealed: true,
    make: async () => {
      const acl = { invoke: ['grp:support'], read: [], responders: [all.organisation.responders[1].urn] };
      return ask(all.organisation, await storePrompt(all.organisation, { statement: { acl } }));
    },
  },
  {
    name: 'a question that was asked under another envelope [guard: run-binding]',
    code: 'open_failed',
    sealed: false,
    make: async () =>
      ask(all.organisation, prompt, { question: { env: { jti: mintId('env'), hash: await tokenHash('x') } } }),
  },
  {
    name: 'a question whose life is too long',
    code: 'open_failed',
    sealed: false,
    make: () => ask(all.organisation, prompt, { question: { exp: all.organisation.now + 3600 } }),
  },
  {
    name: '[red] a directory of our version with another content',
    code: 'trust_rollback',
    sealed: false,
    make: async () => {
      const { ver } = all.organisation.trust.directoryRef;
      return ask(all.organisation, prompt, { question: { dir: { ver, hash: await tokenHash('a fork') } } });
    },
  },
  {
    name: 'an envelope that has expired [guard: run-late-envelope] [guard: claim-late]',
    code: 'envelope_expired',
    sealed: false,
    make: () => {
      const iat = all.organisation.now - 600;
      return ask(all.organisation, prompt, { envelope: { iat, nbf: iat, exp: iat + 300 } });
    },
  },
  {
    name: 'a question that has expired [guard: run-late-question]',
    code: 'envelope_expired',
    sealed: false,
    make: () => {
      const iat = all.organisation.now - 200;
      return ask(all.organisation, prompt, { question: { iat, exp: iat + 60 } });
    },
  },
];

describe('a responder refuses', () => {
  it.each(CASES)('$name: $code', async ({ code, sealed, make, as }) => {
    const asked = await make();
    const response = await all.send(asked, as?.() ?? all.organisation.invoker);
    const refusal = await refusalOf(all, asked, response);
    expect(refusal).toEqual({ code, sealed });
  });
});

describe('a responder runs', () => {
  it('what a revoked author wrote and the organisation keeps', async () => {
    const kept = await storePrompt(all.organisation, { author: leaver });
    await all.organisation.publish((draft) => {
      draft.kept.push(kept.chash);
    });
    // Nobody tells it: the question names the newer directory.
    const { fin } = await all.run(await ask(all.organisation, kept));
    expect(fin.finish).toBe('stop');
  });

  it('a device at once that was approved a moment ago, whose key it does not know yet', async () => {
    const device = await all.organisation.makeDevice('fresh', { roles: ['invoker'], groups: ['grp:support'] });
    await all.organisation.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    const { fin } = await all.run(await ask(all.organisation, prompt, { asker: device }), device);
    expect(fin).toMatchObject({ finish: 'stop', aud: device.urn });
  });

  it('what a gateway carries for the device that asked', async () => {
    const { fin } = await all.run(await ask(all.organisation, prompt), gateway);
    expect(fin).toMatchObject({ finish: 'stop', aud: all.organisation.invoker.urn });
  });
});
