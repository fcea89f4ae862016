import type { Bundle, Prompt } from '@bulla/contract';
import type { Recipient, Statement, TagClaims } from '@bulla/crypto';
import {
  custodyOf,
  encodeBase64url,
  mintId,
  organisationUrn,
  randomBytes,
  sealContent,
  sealDeposit,
  sealGrant,
  signStatement,
  positionHash,
  signTag,
  tokenHash,
  urnOf,
} from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { TestResponse } from '@bulla/service-kit/testing';
import type { TestMember, TestVault } from './running-vault.js';

// What authors make on their own machines before anything is sent.

export interface PromptRef {
  readonly id: string;
  readonly name: string;
}

export interface SealedVersion {
  readonly content: string;
  readonly grants: string[];
  readonly chash: string;
  /** Of a managed name. */
  readonly deposit: string | undefined;
  readonly grantTo: (recipient: Recipient) => Promise<string>;
}

const DAY_SECONDS = 86_400;
const TEXT = 'You decide about {{claim}}: kestrel-plaintext-canary.';

/** What authors of a managed name may do otherwise than they should. */
export interface SealOptions {
  readonly statement?: Partial<Statement>;
  /** For whom it is sealed beside the author; the responders unless given. */
  readonly to?: readonly TestMember[];
}

/** Seals a version for its author and the responders, and for the others who are named. */
export async function sealVersion(
  organisation: TestOrganisation,
  author: TestMember,
  prompt: PromptRef,
  version: number,
  readers: readonly TestMember[] = [],
  { statement: changes, to = organisation.responders }: SealOptions = {},
): Promise<SealedVersion> {
  const custody = custodyOf(prompt.name, organisation.trust);
  const sub = urnOf(organisation.org, 'prompt', prompt.id);
  const statement = await signStatement(
    {
      iss: author.urn,
      aud: organisationUrn(organisation.org),
      sub,
      name: prompt.name,
      ver: version,
      iat: organisation.now,
      jti: encodeBase64url(randomBytes(16)),
      purpose: 'prompt.content',
      custody,
      n: encodeBase64url(randomBytes(16)),
      protect_until: '2029-12-31',
      acl: { invoke: ['grp:support'], read: [], responders: organisation.responders.map(({ urn }) => urn) },
      input: { messages: false },
      content: {
        messages: [{ role: 'user', content: TEXT }],
        vars: { claim: { type: 'string', max: 1000 } },
        model: { name: 'default' },
      },
      attachments: [],
      message: 'a version',
      ...changes,
    },
    author.signer,
  );
  const sealed = await sealContent(statement, { org: organisation.org, sub, ver: version });
  const grantTo = (recipient: Recipient) => sealGrant(sealed.dek, sealed, recipient);
  const grants = [];
  for (const member of [author, ...to, ...readers]) grants.push(await grantTo(recipientOf(member)));
  const [vault] = organisation.trust.activeKeys(organisation.vault.urn, 'deposit', organisation.now);
  const deposit =
    custody === 'managed' && vault !== undefined ? await sealDeposit(sealed.dek, sealed, vault) : undefined;
  return { content: sealed.content, grants, chash: sealed.chash, deposit, grantTo };
}

/** Whom something is sealed to. */
export function recipientOf({ urn, entity, enc }: TestMember): Recipient {
  const record = entity.keys.find(({ kid }) => kid === enc?.kid);
  if (record === undefined) throw new Error(`nothing is sealed to ${urn}`);
  return { urn, record };
}

/** Where a label is to point; the defaults make a tag that every client takes. */
/** Where `prev` is not given, the tag follows the last that was made here for the position before. */
export type TagWish = Partial<TagClaims> & Pick<TagClaims, 'tag' | 'seq'> & { ver: number; chash: string };

/** `pos` of the positions that tags were made for here, by what they are positions of. */
const made = new Map<string, string>();
const placeOf = ({ name }: PromptRef, tag: string, seq: number) => `${name} ${tag} ${seq}`;

/** `pos` of the position that a wish is for. */
export function posOf(organisation: TestOrganisation, prompt: PromptRef, wish: TagWish): Promise<string> {
  const { tag, seq, ver, chash, sub = urnOf(organisation.org, 'prompt', prompt.id) } = wish;
  const prev = wish.prev ?? made.get(placeOf(prompt, tag, seq - 1)) ?? '';
  return positionHash({ name: wish.name ?? prompt.name, tag, seq, sub, ver, chash, prev });
}

export async function tagOf(
  organisation: TestOrganisation,
  signer: TestMember,
  prompt: PromptRef,
  wish: TagWish,
): Promise<string> {
  const { iat = organisation.now } = wish;
  const claims = {
    iss: signer.urn,
    aud: organisationUrn(organisation.org),
    sub: urnOf(organisation.org, 'prompt', prompt.id),
    name: prompt.name,
    iat,
    exp: iat + 300 * DAY_SECONDS,
    purpose: 'prompt.tag' as const,
    prev: made.get(placeOf(prompt, wish.tag, wish.seq - 1)) ?? '',
    ...wish,
  };
  made.set(placeOf(prompt, wish.tag, wish.seq), await posOf(organisation, prompt, wish));
  return signTag(claims, signer.signer);
}

/** An `If-Match` header. */
export function basedOn(number: number): { headers: Record<string, string> } {
  return { headers: { 'if-match': `"${number}"` } };
}

let names = 0;
export function freshName(): string {
  names += 1;
  return `claims/triage-${names}`;
}

/** Makes a prompt as the organisation's author. */
export async function createPrompt(
  vault: TestVault,
  organisation: TestOrganisation,
  name = freshName(),
): Promise<PromptRef> {
  const prompt = { id: mintId('prm'), name, type: 'text' };
  must(201, await vault.clientOf(organisation.author).post('/api/v1/prompts', prompt));
  return { id: prompt.id, name };
}

/** Seals and pushes a version as the organisation's author. */
export async function pushVersion(
  vault: TestVault,
  organisation: TestOrganisation,
  prompt: PromptRef,
  version: number,
  readers: readonly TestMember[] = [],
  options: SealOptions = {},
): Promise<SealedVersion> {
  const sealed = await sealVersion(organisation, organisation.author, prompt, version, readers, options);
  const { content, grants, deposit } = sealed;
  const path = `/api/v1/prompts/${prompt.id}/versions`;
  const body = { content, grants, ...(deposit !== undefined && { deposit }) };
  must(201, await vault.clientOf(organisation.author).post(path, body, basedOn(version - 1)));
  return sealed;
}

/** Moves a label as the organisation's author. */
export async function moveLabel(
  vault: TestVault,
  organisation: TestOrganisation,
  prompt: PromptRef,
  wish: TagWish,
): Promise<string> {
  const tag = await tagOf(organisation, organisation.author, prompt, wish);
  const path = `/api/v1/prompts/${prompt.id}/labels/${wish.tag}`;
  must(200, await vault.clientOf(organisation.author).put(path, { tags: [tag] }, basedOn(wish.seq - 1)));
  return tag;
}

/** A prompt with one version that `latest` and `production` point to. */
export async function publishPrompt(
  vault: TestVault,
  organisation: TestOrganisation,
  name = freshName(),
  options: SealOptions = {},
): Promise<PromptRef & { readonly version: SealedVersion }> {
  const prompt = await createPrompt(vault, organisation, name);
  const version = await pushVersion(vault, organisation, prompt, 1, [], options);
  for (const tag of ['latest', 'production']) {
    await moveLabel(vault, organisation, prompt, { tag, ver: 1, chash: version.chash, seq: 1 });
  }
  return { ...prompt, version };
}

/** Checks a status and gives the answer back; what it says instead is in the error. */
export function must<Response extends Pick<TestResponse, 'status' | 'text'>>(
  status: number,
  response: Response,
): Response {
  if (response.status !== status) throw new Error(`expected ${status}: ${response.status} ${response.text}`);
  return response;
}

export function bodyOf<Body = Record<string, unknown>>(response: { readonly body: unknown }): Body {
  return response.body as Body;
}

export type { Bundle, Prompt };
export { mintId, tokenHash, urnOf };
