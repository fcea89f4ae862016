import type { Job, PendingMove, PosterUrn, RouteName, UsageCount } from '@bulla/contract';
import { ROUTES, targetOf } from '@bulla/contract';
import { generateKeyPair, randomBytes, sealShare, Secret } from '@bulla/crypto';
import { dealShares } from '@bulla/crypto/open';
import type { TestResponse } from '@bulla/service-kit/testing';
import type { PromptRef, SealedVersion, TagWish } from './authoring.js';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  must,
  posOf,
  publishPrompt,
  sealVersion,
  tagOf,
  tokenHash,
  urnOf,
} from './authoring.js';
import { renewerOf, wordFor } from './freshening.js';
import { invitationOf, invite, listing, pendingNewcomer } from './enrolling.js';
import { PLANTED } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';

/** A request that the vault would take from the right caller, in the parts that tests change. */
export interface Sample {
  readonly method: 'GET' | 'DELETE' | 'POST' | 'PUT';
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Every route of the vault that takes signed requests. */
export const SIGNED_ROUTES = (Object.keys(ROUTES) as RouteName[]).filter((name) => {
  const route = ROUTES[name];
  return route.service !== 'responder' && 'permission' in route;
});

export interface Samples {
  readonly prompt: PromptRef & { readonly version: SealedVersion };
  readonly of: ReadonlyMap<RouteName, Sample>;
}

/** One good request for each signed route, about a prompt of acme's. */
export async function makeSamples(vault: TestVault): Promise<Samples> {
  const { acme } = vault;
  const prompt = await publishPrompt(vault, acme);
  const { id, name } = prompt;
  const managed = await createPrompt(vault, acme, 'open/samples');
  const { content, grants } = await sealVersion(acme, acme.author, prompt, 2);
  const first = { tag: 'latest', ver: 1, chash: prompt.version.chash, seq: 1, prev: '' };
  const prev = await posOf(acme, prompt, first);
  const tag = await tagOf(acme, acme.author, prompt, { ...first, seq: 2, prev });
  const { chash } = prompt.version;
  const move = { sub: urnOf('acme', 'prompt', id), ver: 1, chash, prev };
  const again = await tagOf(acme, acme.author, prompt, { ...first, iat: acme.now - 1 });
  const word = await wordFor(acme, prompt, first, acme.now);
  const directoryWord = await acme.freshDirectory(acme.now, renewerOf(acme));
  const whash = await tokenHash(prompt.version.grants[0] ?? '');
  const by = acme.trust.userOf(acme.author.urn) as PosterUrn;
  const waiting = { ver: 1, chash: prompt.version.chash, seq: 1 };
  const toGive = await beginMove(vault, prompt, { ...waiting, tag: 'reviewed' });
  const toDrop = await beginMove(vault, prompt, { ...waiting, tag: 'audited' });
  const second = await tagOf(acme, acme.owner, prompt, { ...waiting, tag: 'reviewed' });
  const { body: invitation } = await invitationOf(vault, acme);
  const toTakeBack = await invite(vault);
  const [toApprove, toRefuse] = [await pendingNewcomer(vault), await pendingNewcomer(vault)];
  const rotated = await vault.clientOf(acme.owner).post(targetOf('key.rotate', undefined), { what: 'kek' });
  const { id: job } = bodyOf<Job>(must(201, rotated));
  const { policy, directory } = acme.trust;
  const org = { org: 'acme' };
  const kid = acme.author.enc?.kid ?? '';
  const next = await acme.signRoot();
  const nextRoot = { root: next.roots[1], policy: next.policy, directory: next.directory };
  const nextPolicy = await acme.sign('policy', { ...policy, version: policy.version + 1, prev: directory.policy.hash });
  const nextDirectory = await acme.signDirectory();
  const on = (number: number) => ({ 'if-match': `"${number}"` });
  const samples: [RouteName, path: string, body?: Sample['body'], headers?: Sample['headers']][] = [
    ['root.publish', targetOf('root.publish', { ...org, n: 2 }), nextRoot, on(1)],
    ['policy.publish', targetOf('policy.publish', org), { policy: nextPolicy }, on(policy.version)],
    ['directory.publish', targetOf('directory.publish', org), { directory: nextDirectory }, on(directory.version)],
    ['directory.freshen', targetOf('directory.freshen', org), { fresh: directoryWord }],
    ['organisation.resume', targetOf('organisation.resume', org), { directory: directory.version }],
    ['label.handback', targetOf('label.handback', undefined), { name, label: 'latest', moves: [move], tags: [tag] }],
    ['label.all', targetOf('label.all', undefined, { limit: 5 })],
    ['label.freshen', targetOf('label.freshen', undefined), { fresh: [word] }],
    ['invitation.create', targetOf('invitation.create', undefined), invitation],
    ['invitation.list', targetOf('invitation.list', undefined, { limit: 5 })],
    ['invitation.delete', targetOf('invitation.delete', { id: toTakeBack.id })],
    ['enrolment.list', targetOf('enrolment.list', undefined, { limit: 5 })],
    [
      'enrolment.approve',
      targetOf('enrolment.approve', { id: toApprove.id }),
      { directory: await listing(acme, toApprove) },
    ],
    ['enrolment.refuse', targetOf('enrolment.refuse', { id: toRefuse.id })],
    ['prompt.create', targetOf('prompt.create', undefined), { id: mintId('prm'), name: 'samples/new', type: 'text' }],
    ['prompt.list', targetOf('prompt.list', undefined, { prefix: 'claims/', limit: 5 })],
    ['prompt.find', targetOf('prompt.find', undefined, { name })],
    ['prompt.get', targetOf('prompt.get', { id })],
    ['prompt.delete', targetOf('prompt.delete', { id })],
    ['version.create', targetOf('version.create', { id }), { content, grants }, on(1)],
    ['version.entrust', targetOf('version.entrust', { id: managed.id }), clearVersion(acme), on(0)],
    ['version.list', targetOf('version.list', { id }, { limit: 5 })],
    ['version.get', targetOf('version.get', { id, n: 1 })],
    ['label.move', targetOf('label.move', { id, label: 'latest' }), { tags: [tag] }, on(1)],
    ['label.confirm', targetOf('label.confirm', { id, label: 'latest' }), { tag: again }],
    ['label.chain', targetOf('label.chain', { id, label: 'latest' }, { limit: 5 })],
    ['label.list', targetOf('label.list', { id })],
    ['label.get', targetOf('label.get', { id, label: 'latest' })],
    ['label.history', targetOf('label.history', { id, label: 'latest' }, { limit: 5 })],
    ['approval.list', targetOf('approval.list', undefined, { limit: 5 })],
    ['approval.get', targetOf('approval.get', { id: toGive })],
    ['approval.give', targetOf('approval.give', { id: toGive }), { tag: second }],
    ['approval.drop', targetOf('approval.drop', { id: toDrop })],
    ['grant.add', targetOf('grant.add', { id }), { grants: [prompt.version.grants[0]] }],
    ['grant.list', targetOf('grant.list', { id }, { limit: 5 })],
    ['grant.delete', targetOf('grant.delete', { id, whash })],
    ['grant.unfit', targetOf('grant.unfit', undefined, { limit: 5 })],
    ['grant.clear', targetOf('grant.clear', { whash }, { by })],
    ['grant.collect', targetOf('grant.collect', undefined, { kid, limit: 5 })],
    ['grant.move', targetOf('grant.move', undefined), { grants: [prompt.version.grants[0]] }],
    [
      'envelope.issue',
      targetOf('envelope.issue', undefined),
      { prompt: id, label: 'latest', aud: acme.responders[0].urn, uses: 1 },
    ],
    ['envelope.get', targetOf('envelope.get', { jti: mintId('env') })],
    ['key.status', targetOf('key.status', undefined)],
    ['key.held', targetOf('key.held', undefined)],
    ['key.rotate', targetOf('key.rotate', undefined), { what: 'kek' }],
    ['job.list', targetOf('job.list', undefined, { limit: 5 })],
    ['job.get', targetOf('job.get', { id: job })],
    ['job.cancel', targetOf('job.cancel', { id: job })],
    ['usage.report', targetOf('usage.report', undefined), { report: mintId('usg'), counts: [usageCount(acme)] }],
    ['usage.list', targetOf('usage.list', undefined, { limit: 5 })],
    ['unsealing.get', targetOf('unsealing.get', undefined)],
    ['unsealing.give', targetOf('unsealing.give', undefined), { share: await sealedShare() }],
    ['audit.list', targetOf('audit.list', undefined, { limit: 5 })],
    ['audit.get', targetOf('audit.get', { index: 0 }, { log: 1 })],
    ['audit.erase', targetOf('audit.erase', undefined, { actor: kid })],
    ['audit.set-aside', targetOf('audit.set-aside', undefined)],
    ['audit.checkpoint', targetOf('audit.checkpoint', undefined)],
    ['audit.tile', targetOf('audit.tile', { level: 0, index: 0 }, { width: 1 })],
    ['audit.bundle', targetOf('audit.bundle', { index: 0 }, { width: 1 })],
    ['audit.prove', targetOf('audit.prove', undefined, { size: 1 })],
    ['audit.cosign', targetOf('audit.cosign', undefined), { checkpoint: COSIGNED }],
  ];
  const of = samples.map(([route, path, body, headers = {}]): [RouteName, Sample] => [
    route,
    { method: ROUTES[route].method, path, body, headers },
  ]);
  return { prompt, of: new Map(of) };
}

/** A version in the clear that the vault would sign. */
export function clearVersion(organisation: TestVault['acme']) {
  const statement = {
    acl: { invoke: ['grp:support'], read: [], responders: [organisation.responders[0].urn] },
    input: { messages: false },
    content: {
      messages: [{ role: 'user', content: 'Answer {{question}}.' }],
      vars: { question: { type: 'string', max: 1000 } },
      model: { name: 'default' },
    },
    protect_until: '2029-12-31',
    message: 'from a form',
  };
  return { salt: 'A'.repeat(22), statement };
}

/** What an hour of runs took. */
export function usageCount(organisation: TestVault['acme'], changes: Partial<UsageCount> = {}): UsageCount {
  const hour = new Date(organisation.now * 1000 - (organisation.now % 3_600) * 1000).toISOString();
  const sums = { runs: 3, failed: 1, uncounted: 0, input_tokens: 120, output_tokens: 30 };
  const device = organisation.invoker.urn;
  return { hour, device, prompt: null, model: 'small', ...sums, cost: { currency: 'USD', nanos: 900 }, ...changes };
}

/** A share of some root key, sealed to a key of nobody. */
async function sealedShare(): Promise<string> {
  const { shares } = await dealShares(new Secret(randomBytes(32)), { shares: 2, threshold: 2 }, 0);
  const { kid, publicJwk: jwk } = await generateKeyPair('p256', 'enc');
  return sealShare(shares[0] ?? '', { kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk });
}

/** A checkpoint with a cosignature, as far as its form goes. */
export const COSIGNED = `urn:bulla:acme:svc:vault/audit/1\n1\n${'A'.repeat(43)}=\n\n\u2014 w.example/1 ${'A'.repeat(104)}\n`;

/** Signs a move of a label that needs two people, as acme's author. Returns what it waits in. */
async function beginMove(vault: TestVault, prompt: PromptRef, wish: TagWish): Promise<string> {
  const { acme } = vault;
  const tag = await tagOf(acme, acme.author, prompt, wish);
  const path = targetOf('label.move', { id: prompt.id, label: wish.tag });
  const response = await vault.clientOf(acme.author).put(path, { tags: [tag] }, basedOn(0));
  return bodyOf<PendingMove>(must(202, response)).approval;
}

/** What only a renewer may ask. */
const OF_RENEWERS: readonly RouteName[] = ['directory.freshen', 'label.all', 'label.freshen'];
/** What only the person who sealed it may do, or a person to whom it is sealed. */
const OF_AUTHORS: readonly RouteName[] = ['version.create', 'version.entrust', 'grant.add', 'grant.collect'];

/** Somebody who may use a route. */
export function callerOf(
  name: RouteName,
  organisation: TestVault['acme'],
): Pick<TestMember, 'keyid' | 'signer' | 'entity'> {
  if (OF_RENEWERS.includes(name)) return renewerOf(organisation);
  if (name === 'usage.report') return organisation.responders[0];
  return OF_AUTHORS.includes(name) ? organisation.author : organisation.owner;
}

/** Sends a sample, changed or not, as a member. */
export function sendAs(
  vault: TestVault,
  member: Pick<TestMember, 'keyid' | 'signer'>,
  sample: Sample,
  body: unknown = sample.body,
): Promise<TestResponse> {
  const { method, path, headers } = sample;
  return vault.clientOf(member).send(method, path, { headers, ...(body === undefined ? {} : { body }) });
}

/** What no member of a body is. */
export const OF_ANOTHER_TYPE: readonly unknown[] = [
  7.5,
  null,
  true,
  {},
  [PLANTED],
  [[PLANTED]],
  { [PLANTED]: PLANTED },
  PLANTED.repeat(9),
  [],
  '',
];
/** Whom nobody invites into a group is in none. */
export const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;
