import type { Vector } from '@bulla/conformance';
import type { EnvelopeClaims, InvocationClaims, Statement, TagClaims } from '@bulla/crypto';
import {
  composeAnswer,
  encodeBase64url,
  loadSigner,
  mintId,
  organisationUrn,
  privateJwkOf,
  randomBytes,
  ReplySealer,
  sealContent,
  sealDeposit,
  sealGrant,
  sealingKeyOf,
  sealInvocation,
  Secret,
  signEnvelope,
  signStatement,
  positionHash,
  positionOf,
  signTag,
  tokenHash,
  urnOf,
  utf8,
} from '@bulla/crypto';
import { keyMaterialOf, signPublicKeys } from '@bulla/crypto/key-files';
import { sealLetter, sealStreamedLetter } from '@bulla/crypto/letters';
import { leafHash, noteKeyOf, originOf, pinInOrigin, signCheckpoint } from '@bulla/crypto/log';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { gather, made, once } from './made.js';
import { makeHttpMessages } from './made-http.js';

export type MemberSuite = 'rsa2048' | 'rsa3072' | 'p256';

const NAME = 'claims/triage';
const REQUEST = 'req_7d9c0f2a5b3e4d61';
const VERSION = 3;

/**
 * A whole organisation with keys of one suite and everything that its members seal, sign and send: one vector of each
 * format. Keys and times are fresh.
 */
export async function makeForSuite(suite: MemberSuite): Promise<Vector[]> {
  const of = await makeOrganisation({ suite, renewers: 1 });
  const prompt = await makePrompt(of);
  const question = await makeQuestion(of, prompt);
  return [
    ...documents(of),
    ...(await letters(of)),
    ...prompt.vectors,
    ...question.vectors,
    ...(await reply(of, prompt, question)),
    ...(await makeHttpMessages(of)),
    ...(await renewals(of)),
    await publicKeys(of),
  ];
}

const organisationOf = ({ org, pin, documents: { roots, policy, directory } }: TestOrganisation) => ({
  org,
  pin,
  documents: { roots, policy, directory },
});

function documents({ org, pin, now, documents: { roots, policy, directory } }: TestOrganisation): Vector[] {
  const input = { roots, policy, directory, org, pin, now };
  const versions = { root: 1, policy: 1, directory: 1 };
  return ['root', 'policy', 'directory'].map((format) => made('verify', format, input, versions));
}

async function letters({ author, owner, now }: TestOrganisation): Promise<Vector[]> {
  const content = utf8('Grüß Gott 👋\n');
  const outside = { at: now, name: 'letter.txt' };
  const { publicJwk, privateJwk: recipient } = keysOf(owner);
  const to = sealingKeyOf([await keyMaterialOf(publicJwk, 'enc')]);
  const token = await sealLetter({ content, ...outside }, author.signer, to);
  const sealed = encodeBase64url(await gather(sealStreamedLetter(once(content), outside, author.signer, to)));
  const ends = { recipient, sender: author.sig.publicJwk };
  const ok = { content: encodeBase64url(content), ...outside };
  return [made('open', 'letter', { token, ...ends }, ok), made('open', 'streamed-letter', { sealed, ...ends }, ok)];
}

async function makePrompt(of: TestOrganisation) {
  const { org, now, author, vault, invoker, responders } = of;
  const [{ urn: audience }] = responders;
  const organisation = organisationOf(of);
  const id = mintId('prm');
  const sub = urnOf(org, 'prompt', id);
  const claims = statementOf(of, sub);
  const statement = await signStatement(claims, author.signer);
  const { content, dek, chash, dekId, dkc, protectUntil } = await sealContent(statement, { org, sub, ver: VERSION });
  const place = { sub, ver: VERSION, chash, dekId, dkc, protectUntil };
  const { record } = holderOf(of);
  const grant = await sealGrant(dek, place, { urn: audience, record });
  const deposit = await sealDeposit(dek, place, { urn: vault.urn, record });
  const envelope: EnvelopeClaims = {
    iss: vault.urn,
    aud: audience,
    sub: invoker.urn,
    iat: now,
    nbf: now,
    exp: now + 120,
    jti: mintId('env'),
    purpose: 'prompt.invoke',
    req: REQUEST,
    prm: { id, name: NAME, ver: VERSION, chash },
    whash: await tokenHash(grant),
    cnf: { jkt: invoker.sig.kid },
    pol: { uses: 1, stream: true, max_output_tokens: 800 },
  };
  const env = await signEnvelope(envelope, vault.signer);
  const pointing = { sub, name: NAME, ver: VERSION, chash };
  const life = { iat: now - 60, exp: now + 86_400 };
  const tag: TagClaims = {
    ...pointing,
    ...life,
    iss: author.urn,
    aud: organisationUrn(org),
    tag: 'latest',
    seq: 7,
    prev: await tokenHash('the position before'),
    purpose: 'prompt.tag',
  };
  const tags = [await signTag(tag, author.signer)];
  const asking = { wanted: { name: NAME }, asker: { urn: invoker.urn, kid: invoker.sig.kid }, request: REQUEST };
  const key = encodeBase64url(dek.reveal());
  const recipient = keysOf(responders[0]).privateJwk;
  const grantInput = { token: grant, recipient, urn: audience, sub, ver: VERSION, dek: dekId, chash, dkc };
  const bundle = { v: 1, env, grant, content, tags };
  return {
    envelope,
    env,
    tags,
    vectors: [
      made('verify', 'statement', { token: statement, ...pointing, organisation, now }, { claims }),
      made('open', 'content', { token: content, key, org, sub, ver: VERSION }, { statement }),
      made('open', 'grant', grantInput, { key }),
      made('open', 'deposit', { ...grantInput, token: deposit, urn: vault.urn }, { key }),
      made('verify', 'envelope', { token: env, audience, grace: 0, organisation, now }, { claims: envelope }),
      made('verify', 'tag', { tokens: tags, name: NAME, label: 'latest', organisation, now }, await tagOk(tag)),
      made('verify', 'bundle', { bundle, ...asking, audience, organisation, now }, { prm: envelope.prm }),
    ],
  };
}
type Prompt = Awaited<ReturnType<typeof makePrompt>>;

async function tagOk(claims: TagClaims) {
  const { sub, ver, chash, seq, prev } = claims;
  return { sub, ver, chash, seq, prev, pos: await positionHash(positionOf(claims)) };
}

function statementOf({ org, now, author, responders }: TestOrganisation, sub: string): Statement {
  return {
    iss: author.urn,
    aud: organisationUrn(org),
    sub,
    name: NAME,
    ver: VERSION,
    iat: now - 3600,
    jti: `pst_${'4f1d2c3b5a697887'.repeat(2)}`,
    purpose: 'prompt.content',
    custody: 'sealed',
    n: encodeBase64url(randomBytes(16)),
    protect_until: '2029-12-31',
    acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: [responders[0].urn] },
    input: { messages: false },
    content: {
      messages: [{ role: 'user', content: 'Grüß Gott 👋 {{claim}}' }],
      vars: { claim: { type: 'string', max: 20_000 } },
      model: { name: 'default', max_output_tokens: 800 },
    },
    attachments: [],
    message: 'ask for the policy number',
  };
}

async function makeQuestion(of: TestOrganisation, { envelope, env }: Prompt) {
  const { now, trust, invoker, responders } = of;
  const rsp = randomBytes(32);
  const claims: InvocationClaims = {
    iss: invoker.urn,
    aud: responders[0].urn,
    iat: now,
    exp: now + 60,
    jti: mintId('inv'),
    purpose: 'prompt.invoke',
    name: NAME,
    env: { jti: envelope.jti, hash: await tokenHash(env) },
    dir: { ...trust.directoryRef },
    rsp: encodeBase64url(rsp),
    vars: { claim: 'water damage' },
    messages: [],
    opt: { stream: true, privacy: 'padded' },
  };
  const sealed = await sealInvocation(claims, invoker.signer, holderOf(of));
  const recipient = keysOf(responders[0]).privateJwk;
  const place = { envelope: env, recipient, audience: responders[0].urn, organisation: organisationOf(of), now };
  const vectors = [made('open', 'invocation', { token: sealed.token, ...place }, { claims })];
  return { claims, sealed, rsp, vectors };
}
type Question = Awaited<ReturnType<typeof makeQuestion>>;

async function reply(of: TestOrganisation, { envelope, env, tags }: Prompt, question: Question): Promise<Vector[]> {
  const { now, trust, pin, invoker, responders } = of;
  const { sealed, rsp, claims } = question;
  const { urn: responder, signer } = responders[0];
  const irt = { jti: claims.jti, rh: sealed.rh };
  const sealer = await ReplySealer.start({ rsp: new Secret(rsp), iss: responder, irt });
  const deltas = ['Call the', ' plumber.'].map((content) =>
    utf8(`${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n`),
  );
  const frames: [string, string][] = [];
  for (const delta of deltas) frames.push(['delta', encodeBase64url(await sealer.sealDelta(delta))]);
  const rest = {
    aud: invoker.urn,
    iat: now,
    ih: sealed.ih,
    env: claims.env.hash,
    dir: { ...trust.directoryRef },
    finish: 'stop' as const,
    model: 'echo',
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
    purpose: 'prompt.reply' as const,
    prm: { ...envelope.prm },
    checkpoint: await signedHead(of),
  };
  const { final, fin } = await sealer.finish(rest, signer);
  frames.push(['final', encodeBase64url(final)]);
  const { head } = sealer;
  const asked = { secret: claims.rsp, envelope: env, irt: { ...irt, ih: sealed.ih }, responder };
  const input = { ...asked, head: encodeBase64url(head), frames, organisation: organisationOf(of), now };
  const file = composeAnswer({ documents: trust.documents, tags, envelope: env, head, deltas, fin });
  const said = { profile: trust.profile, not_looked_for: ['question', 'revoked-since'] };
  return [
    made('open', 'frames', input, { deltas: deltas.map(encodeBase64url), fin }),
    made('verify', 'evidence', { file, pin, now }, {}),
    made('verify', 'verdict', { file, pin, now }, { verdict: `VALID as of ${trust.directory.issued}`, ...said }),
  ];
}

/** What the first responder signed of its log: the directory lists a key for it, so each answer tells a head. */
async function signedHead({ pin, responders: [{ urn, keyFile }] }: TestOrganisation): Promise<string> {
  const key = keyFile.keys.find(({ pur }) => pur.includes('checkpoint'));
  if (key === undefined) throw new Error(`${urn} has no key for checkpoints`);
  const signer = await loadSigner(privateJwkOf(key), 'Ed25519');
  const origin = originOf({ urn, number: 1, pin: pinInOrigin(pin) });
  const head = { size: 1, root: await leafHash(utf8('the only entry')) };
  return signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, signer.publicJwk), signer }]);
}

/** What a renewer says of the directory, and of a position of a label. */
async function renewals(of: TestOrganisation): Promise<Vector[]> {
  const { now, trust } = of;
  const place = { name: NAME, label: 'latest', seq: 7, pos: await tokenHash('a position') };
  const shared = { organisation: organisationOf(of), now };
  const ok = { until: now + trust.freshSeconds };
  return [
    made('verify', 'label-freshness', { token: await of.freshPosition(place, now), ...place, ...shared }, ok),
    made('verify', 'directory-freshness', { token: await of.freshDirectory(now), ...shared }, ok),
  ];
}

async function publicKeys({ author, now }: TestOrganisation): Promise<Vector> {
  const token = await signPublicKeys(author.keyFile, now);
  const ok = { urn: author.urn, kid: author.sig.kid, uses: ['sig', 'enc'] };
  return made('verify', 'public-keys', { token }, ok);
}

/** The key to which the first responder is sealed to, as the directory lists it. */
function holderOf({ trust, responders }: TestOrganisation) {
  const holder = trust.holder(keysOf(responders[0]).kid);
  if (holder === undefined) throw new Error('the responder is not listed');
  return holder;
}

function keysOf({ enc, urn }: TestOrganisation['author']) {
  if (enc === undefined) throw new Error(`nothing is sealed to ${urn}`);
  return enc;
}
