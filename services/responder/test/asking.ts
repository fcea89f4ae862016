import type {
  Bundle,
  Bytes,
  ChatEnvelopeClaims,
  ContentPlace,
  EnvelopeClaims,
  FinClaims,
  InvocationClaims,
  Statement,
} from '@bulla/crypto';
import {
  decodeBase64url,
  encodeBase64url,
  mintId,
  organisationUrn,
  randomBytes,
  sealContent,
  sealGrant,
  sealInvocation,
  Secret,
  signEnvelope,
  signStatement,
  tokenHash,
  urnOf,
  verifyFin,
} from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import type { EarlierContent, TestOrganisation } from '@bulla/crypto/testing';
import { sealEarlier } from '@bulla/crypto/testing';

/** A member of a test organisation with its keys. */
export type TestMember = TestOrganisation['owner'];
type PromptQuestion = Extract<InvocationClaims, { purpose: 'prompt.invoke' }>;

export const NAME = 'claims/triage';
export const CANARY_PROMPT = 'Decide on the claim zebra-quartz';
export const CANARY_VALUE = 'water damage violet-anvil';

/** A stored prompt: what a vault keeps of one version. */
export interface StoredPrompt {
  readonly id: string;
  readonly sub: string;
  readonly name: string;
  readonly ver: number;
  readonly chash: string;
  readonly content: string;
  readonly grant: string;
  readonly whash: string;
}

export interface StoreOptions {
  readonly id?: string;
  readonly name?: string;
  readonly ver?: number;
  readonly author?: TestMember;
  readonly statement?: Partial<Statement>;
  readonly text?: Partial<Statement['content']>;
  /** To whom the key is granted; `eu1` unless given. */
  readonly grantee?: TestMember;
  /** Sealed as before contents committed to their key. */
  readonly isEarlier?: boolean;
}

/** A prompt with one variable, `claim`, that `grp:support` may run on both responders. */
export async function storePrompt(organisation: TestOrganisation, options: StoreOptions = {}): Promise<StoredPrompt> {
  const { id = mintId('prm'), name = NAME, ver = 1, author = organisation.author } = options;
  const { org, now, responders } = organisation;
  const sub = urnOf(org, 'prompt', id);
  const statement: Statement = {
    iss: author.urn,
    aud: organisationUrn(org),
    sub,
    name,
    ver,
    iat: now,
    jti: encodeBase64url(randomBytes(16)),
    purpose: 'prompt.content',
    custody: 'sealed',
    n: encodeBase64url(randomBytes(16)),
    protect_until: '2029-12-31',
    acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: responders.map(({ urn }) => urn) },
    input: { messages: false },
    content: {
      messages: [
        { role: 'system', content: CANARY_PROMPT },
        { role: 'user', content: 'The claim: {{claim}}' },
      ],
      vars: { claim: { type: 'string', max: 1000 } },
      model: { name: 'default' },
      ...options.text,
    },
    attachments: [],
    message: 'first',
    ...options.statement,
  };
  const token = await signStatement(statement, author.signer);
  const grantee = options.grantee ?? responders[0];
  const to = { urn: grantee.urn, record: recordOf(grantee, 'enc') };
  const { content, chash, grantTo } =
    options.isEarlier === true ? await sealEarlier(token, { sub, ver }) : await sealNow(token, { org, sub, ver });
  const grant = await grantTo(to);
  return { id, sub, name, ver, chash, content, grant, whash: await tokenHash(grant) };
}

async function sealNow(statement: string, place: ContentPlace): Promise<EarlierContent> {
  const sealed = await sealContent(statement, place);
  return { content: sealed.content, chash: sealed.chash, grantTo: (to) => sealGrant(sealed.dek, sealed, to) };
}

export function recordOf(member: TestMember, use: 'sig' | 'enc') {
  const record = member.entity.keys.find((key) => key.use === use);
  if (record === undefined) throw new Error(`${member.urn} has no ${use} key`);
  return record;
}

export interface AskOptions {
  readonly asker?: TestMember;
  readonly responder?: TestMember;
  readonly envelope?: Partial<EnvelopeClaims>;
  readonly question?: Partial<PromptQuestion>;
  readonly bundle?: Partial<Bundle>;
  /** Seconds; when envelope and question are made. */
  readonly now?: number;
}

/** Everything one asker holds of one question. */
export interface Asked<Envelope = EnvelopeClaims | ChatEnvelopeClaims, Question = InvocationClaims> {
  readonly body: { readonly bundle: Bundle; readonly inv: string };
  readonly envelope: Envelope;
  readonly question: Question;
  readonly rh: string;
  readonly ih: string;
}
/** The same of a stored prompt. */
export type AskedPrompt = Asked<EnvelopeClaims, PromptQuestion>;

/** An envelope for a stored prompt, and a question under it, both right unless changed. */
export async function ask(
  organisation: TestOrganisation,
  prompt: StoredPrompt,
  options: AskOptions = {},
): Promise<AskedPrompt> {
  const { asker = organisation.invoker, responder = organisation.responders[0], now = organisation.now } = options;
  const envelope: EnvelopeClaims = {
    iss: organisation.vault.urn,
    aud: responder.urn,
    sub: asker.urn,
    iat: now,
    nbf: now,
    exp: now + 120,
    jti: mintId('env'),
    purpose: 'prompt.invoke',
    req: 'request-0123456789',
    prm: { id: prompt.id, name: prompt.name, ver: prompt.ver, chash: prompt.chash },
    whash: prompt.whash,
    cnf: { jkt: asker.sig.kid },
    dir: organisation.trust.directoryRef,
    pol: { uses: 1, stream: true },
    ...options.envelope,
  };
  const env = await signEnvelope(envelope, organisation.vault.signer);
  const bundle: Bundle = { v: 1, env, grant: prompt.grant, content: prompt.content, tags: [], ...options.bundle };
  const question: PromptQuestion = {
    iss: asker.urn,
    aud: responder.urn,
    iat: now,
    exp: now + 60,
    jti: mintId('inv'),
    purpose: 'prompt.invoke',
    name: prompt.name,
    env: { jti: envelope.jti, hash: await tokenHash(bundle.env) },
    dir: { ...organisation.trust.directoryRef },
    rsp: encodeBase64url(randomBytes(32)),
    vars: { claim: CANARY_VALUE },
    messages: [],
    opt: { stream: false, privacy: 'padded' },
    ...options.question,
  };
  const sealed = await sealInvocation(question, asker.signer, {
    urn: question.aud,
    record: recordOf(responder, 'enc'),
  });
  return { body: { bundle, inv: sealed.token }, envelope, question, rh: sealed.rh, ih: sealed.ih };
}

/** A reply, opened and verified as its asker does it. */
export interface OpenedReply {
  readonly text: string;
  readonly chunks: readonly { readonly choices: readonly { readonly delta: { readonly content?: string } }[] }[];
  readonly deltas: readonly Bytes[];
  readonly fin: FinClaims;
  /** The same as it was signed. */
  readonly finToken: string;
}

export interface SealedReply {
  readonly head: string;
  readonly frames: readonly string[];
  readonly final: string;
}

/**
 * Opens every frame, verifies the fin against all that the asker knows, and reads the text.
 * @param now the asker's clock in seconds; when the organisation was made, unless given.
 */
export async function openReply(
  organisation: TestOrganisation,
  asked: Asked,
  reply: SealedReply,
  now = organisation.now,
): Promise<OpenedReply> {
  const { question, envelope, rh, ih, body } = asked;
  const head = decodeBase64url(reply.head);
  const irt = { jti: question.jti, rh };
  const opener = await ReplyOpener.start({
    rsp: new Secret(decodeBase64url(question.rsp)),
    head,
    expect: { iss: envelope.aud, irt },
  });
  const deltas: Bytes[] = [];
  for (const frame of reply.frames) deltas.push(await opener.openFrame(decodeBase64url(frame)));
  const finToken = await opener.openFinal(decodeBase64url(reply.final));
  const fin = await verifyFin(finToken, {
    trust: organisation.trust,
    now,
    envelope,
    envelopeToken: body.bundle.env,
    irt: { ...irt, ih },
    head,
    transcript: opener.transcript,
  });
  const lines = Buffer.concat(deltas)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  const chunks = lines.map((line) => JSON.parse(line) as OpenedReply['chunks'][number]);
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  return { text, chunks, deltas, fin, finToken };
}

/** The events of a stream as one reply; a stream without its final has an empty one. */
export function replyOfStream(text: string): SealedReply {
  const events = text
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => new Map(block.split('\n').map((line) => line.split(': ', 2) as [string, string])));
  const of = (name: string) =>
    events.filter((event) => event.get('event') === name).map((event) => event.get('data') ?? '');
  return { head: of('bulla.head')[0] ?? '', frames: of('bulla.frame'), final: of('bulla.final')[0] ?? '' };
}
