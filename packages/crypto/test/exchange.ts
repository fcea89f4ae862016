import type {
  Bytes,
  ChatEnvelopeClaims,
  EnvelopeClaims,
  FinRest,
  InvocationClaims,
  KeyHolder,
  SealedInvocation,
  Signer,
  Trust,
  Unwrapper,
} from '@bulla/crypto';
import {
  encodeBase64url,
  mintId,
  randomBytes,
  ReplySealer,
  sealInvocation,
  Secret,
  signChatEnvelope,
  signEnvelope,
  tokenHash,
  utf8,
} from '@bulla/crypto';
import type { TestOrganisation } from './organisation.js';
import { NOW } from './organisation.js';

/** Everybody who takes part in one question and its answer. */
export interface Cast {
  readonly trust: Trust;
  readonly now: number;
  readonly vault: { readonly urn: string; readonly signer: Signer };
  readonly asker: { readonly urn: string; readonly signer: Signer };
  readonly responder: {
    readonly urn: string;
    readonly signer: Signer;
    readonly enc: KeyHolder;
    readonly unwrapper: Unwrapper;
  };
  readonly prompt: string;
}

export async function castOf(organisation: TestOrganisation): Promise<Cast> {
  const part = async (name: string) => ({ urn: organisation.urn(name), signer: await organisation.signer(name) });
  return {
    trust: organisation.trust,
    now: NOW,
    vault: await part('vault'),
    asker: await part('asker'),
    responder: {
      ...(await part('eu1')),
      enc: organisation.holder('eu1', 'enc'),
      unwrapper: await organisation.unwrapper('eu1'),
    },
    prompt: organisation.prompts[0],
  };
}

/** An envelope of the cast, with members replaced at will. */
export function envelopeClaims(cast: Cast, change: Partial<EnvelopeClaims> = {}): EnvelopeClaims {
  return {
    iss: cast.vault.urn,
    aud: cast.responder.urn,
    sub: cast.asker.urn,
    iat: cast.now,
    nbf: cast.now,
    exp: cast.now + 120,
    jti: mintId('env'),
    purpose: 'prompt.invoke',
    req: 'request-1',
    prm: { id: cast.prompt, name: 'claims/triage', ver: 3, chash: encodeBase64url(randomBytes(32)) },
    whash: encodeBase64url(randomBytes(32)),
    cnf: { jkt: cast.asker.signer.kid },
    pol: { uses: 1, stream: true },
    ...change,
  };
}

export function chatEnvelopeClaims(cast: Cast): ChatEnvelopeClaims {
  const { prm: _prm, whash: _whash, ...shared } = envelopeClaims(cast);
  return { ...shared, purpose: 'chat.invoke', pol: { uses: 1, stream: true, models: ['default'] } };
}

type PromptQuestion = Extract<InvocationClaims, { purpose: 'prompt.invoke' }>;

/** A question under an envelope, with members replaced at will. */
export async function questionClaims(
  cast: Cast,
  envelope: EnvelopeClaims | ChatEnvelopeClaims,
  envelopeToken: string,
  change: Partial<PromptQuestion> = {},
): Promise<InvocationClaims> {
  const shared = {
    iss: cast.asker.urn,
    aud: cast.responder.urn,
    iat: cast.now,
    exp: cast.now + 60,
    jti: mintId('inv'),
    env: { jti: envelope.jti, hash: await tokenHash(envelopeToken) },
    dir: { ...cast.trust.directoryRef },
    rsp: encodeBase64url(randomBytes(32)),
    vars: { claim: 'water damage' },
    messages: [],
    opt: { stream: true, privacy: 'padded' as const },
    ...change,
  };
  if (envelope.purpose === 'prompt.invoke')
    return { ...shared, purpose: 'prompt.invoke', name: envelope.prm.name, ...change };
  return { ...shared, purpose: 'chat.invoke', opt: { ...shared.opt, model: 'default' } };
}

/** A question that was asked under an envelope. */
export interface Asked {
  readonly envelope: EnvelopeClaims | ChatEnvelopeClaims;
  readonly envelopeToken: string;
  readonly question: InvocationClaims;
  readonly sealed: SealedInvocation;
  readonly rsp: Secret;
}

export async function ask(
  cast: Cast,
  envelope: EnvelopeClaims | ChatEnvelopeClaims = envelopeClaims(cast),
  change: Partial<PromptQuestion> = {},
): Promise<Asked> {
  const envelopeToken =
    envelope.purpose === 'prompt.invoke'
      ? await signEnvelope(envelope, cast.vault.signer)
      : await signChatEnvelope(envelope, cast.vault.signer);
  const question = await questionClaims(cast, envelope, envelopeToken, change);
  const sealed = await sealInvocation(question, cast.asker.signer, cast.responder.enc);
  return { envelope, envelopeToken, question, sealed, rsp: secretOf(question.rsp) };
}

export function secretOf(b64u: string): Secret {
  return new Secret(Uint8Array.from(Buffer.from(b64u, 'base64url')));
}

export function irtOf({ question, sealed }: Asked): { jti: string; rh: string } {
  return { jti: question.jti, rh: sealed.rh };
}

/** What the responder of the cast says at the end of a run. */
export async function finRest(cast: Cast, asked: Asked, change: Partial<FinRest> = {}): Promise<FinRest> {
  const { envelope } = asked;
  const rest = {
    aud: envelope.sub,
    iat: cast.now + 5,
    ih: asked.sealed.ih,
    env: await tokenHash(asked.envelopeToken),
    dir: { ...cast.trust.directoryRef },
    finish: 'stop' as const,
    model: 'echo',
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
  };
  return (
    envelope.purpose === 'prompt.invoke'
      ? { ...rest, purpose: 'prompt.reply', prm: { ...envelope.prm }, ...change }
      : { ...rest, purpose: 'chat.reply', ...change }
  ) as FinRest;
}

/** A reply of a cast, sealed. */
export interface Answered {
  readonly head: Bytes;
  readonly deltas: readonly Bytes[];
  readonly frames: readonly Bytes[];
  readonly final: Bytes;
  readonly fin: string;
}

export async function reply(
  cast: Cast,
  asked: Asked,
  deltas: readonly Bytes[],
  change: Partial<FinRest> = {},
  signer: Signer = cast.responder.signer,
  block: 64 | 256 = 64,
): Promise<Answered> {
  const sealer = await ReplySealer.start({ rsp: asked.rsp, iss: cast.responder.urn, irt: irtOf(asked), block });
  const frames: Bytes[] = [];
  for (const delta of deltas) frames.push(await sealer.sealDelta(delta));
  return { head: sealer.head, deltas, frames, ...(await sealer.finish(await finRest(cast, asked, change), signer)) };
}

/** NDJSON of chunks with these contents, cut into pieces of `size` bytes. */
export function chunkDeltas(contents: readonly string[], size = 40): Bytes[] {
  const bytes = utf8(contents.map((content) => `${JSON.stringify(chunkOf(content))}\n`).join(''));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  );
}

function chunkOf(content: string): object {
  return { object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] };
}
