import type { Bundle, ChatEnvelopeClaims, EnvelopeClaims, SealedContent, Statement, TagClaims } from '@bulla/crypto';
import {
  organisationUrn,
  sealContent,
  sealGrant,
  signEnvelope,
  signStatement,
  signTag,
  tokenHash,
  urnOf,
} from '@bulla/crypto';
import type { TestOrganisation } from './organisation.js';
import { NOW } from './organisation.js';

export const NAME = 'claims/triage';
export const REQUEST = 'req_7d9c0f2a5b3e4d61';
const ENVELOPE_ID = 'env_01kz84jm00fs4v9y6x7qj3r2dn';

/** URN of the first prompt of an organisation. */
export function promptOf(of: TestOrganisation): string {
  return urnOf(of.org, 'prompt', of.prompts[0]);
}

export function exampleStatement(of: TestOrganisation, changes: Partial<Statement> = {}): Statement {
  return {
    iss: of.urn('owner'),
    aud: organisationUrn(of.org),
    sub: promptOf(of),
    name: NAME,
    ver: 3,
    iat: NOW - 3600,
    jti: 'pst_4f1d2c3b5a69788796a5b4c3d2e1f00f',
    purpose: 'prompt.content',
    custody: 'sealed',
    n: 'tPYV0ZbJ8cOxh2Qm1a7Kzg',
    protect_until: '2029-12-31',
    acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: [of.urn('eu1')] },
    input: { messages: false },
    content: {
      messages: [
        { role: 'system', content: 'You sort insurance claims. Ask for the policy number.' },
        { role: 'user', content: '{{claim}}' },
      ],
      vars: { claim: { type: 'string', max: 20_000 }, locale: { type: 'string', max: 8, default: 'en' } },
      model: { name: 'default', temperature: 0.2, max_output_tokens: 800 },
    },
    attachments: [],
    message: 'ask for the policy number',
    ...changes,
  };
}

export function exampleEnvelope(
  of: TestOrganisation,
  bound: { readonly chash: string; readonly whash: string },
  changes: Partial<EnvelopeClaims> = {},
): EnvelopeClaims {
  return {
    iss: of.urn('vault'),
    aud: of.urn('eu1'),
    sub: of.urn('asker'),
    iat: NOW,
    nbf: NOW,
    exp: NOW + 120,
    jti: ENVELOPE_ID,
    purpose: 'prompt.invoke',
    req: REQUEST,
    prm: { id: of.prompts[0], name: NAME, ver: 3, chash: bound.chash },
    whash: bound.whash,
    cnf: { jkt: of.kid('asker') },
    pol: { uses: 1, stream: true, max_output_tokens: 800 },
    ...changes,
  };
}

export function exampleChatEnvelope(
  of: TestOrganisation,
  changes: Partial<ChatEnvelopeClaims> = {},
): ChatEnvelopeClaims {
  return {
    iss: of.urn('vault'),
    aud: of.urn('eu1'),
    sub: of.urn('asker'),
    iat: NOW,
    nbf: NOW,
    exp: NOW + 120,
    jti: ENVELOPE_ID,
    purpose: 'chat.invoke',
    req: REQUEST,
    cnf: { jkt: of.kid('asker') },
    pol: { uses: 1, stream: true, models: ['default'] },
    ...changes,
  };
}

export function exampleTag(of: TestOrganisation, chash: string, changes: Partial<TagClaims> = {}): TagClaims {
  return {
    iss: of.urn('owner'),
    aud: organisationUrn(of.org),
    sub: promptOf(of),
    name: NAME,
    tag: 'latest',
    ver: 3,
    chash,
    seq: 7,
    prev: 'P'.repeat(42).concat('A'),
    iat: NOW - 3600,
    exp: NOW + 6 * 86_400,
    purpose: 'prompt.tag',
    ...changes,
  };
}

/** A bundle of a prompt, as parseBundle guarantees it. */
export type PromptBundle = Bundle & { readonly grant: string; readonly content: string };

export interface Example {
  readonly statement: string;
  readonly sealed: SealedContent;
  readonly grant: string;
  readonly bundle: PromptBundle;
}

/** One prompt version from statement to bundle, rightly made by everybody. */
export async function example(of: TestOrganisation): Promise<Example> {
  const statement = await signStatement(exampleStatement(of), await of.signer('owner'));
  const sealed = await sealContent(statement, { org: of.org, sub: promptOf(of), ver: 3 });
  const grant = await sealGrant(sealed.dek, sealed, of.holder('eu1', 'enc'));
  const claims = exampleEnvelope(of, { chash: sealed.chash, whash: await tokenHash(grant) });
  const env = await signEnvelope(claims, await of.signer('vault'));
  const tags = [await signTag(exampleTag(of, sealed.chash), await of.signer('owner'))];
  return { statement, sealed, grant, bundle: { v: 1, env, grant, content: sealed.content, tags } };
}
