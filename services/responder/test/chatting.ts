import type { Bundle, ChatEnvelopeClaims, InvocationClaims } from '@bulla/crypto';
import { encodeBase64url, mintId, randomBytes, sealInvocation, signChatEnvelope, tokenHash } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Asked, TestMember } from './asking.js';
import { recordOf } from './asking.js';

export type ChatQuestion = Extract<InvocationClaims, { purpose: 'chat.invoke' }>;

export interface ChatOptions {
  readonly asker?: TestMember;
  readonly responder?: TestMember;
  readonly envelope?: Partial<ChatEnvelopeClaims>;
  readonly question?: Partial<ChatQuestion>;
  /** What the vault handed out before, for one question more. */
  readonly earlier?: AskedChat | undefined;
  readonly bundle?: Partial<Bundle>;
  /** Seconds; when envelope and question are made. */
  readonly now?: number;
}

export type AskedChat = Asked<ChatEnvelopeClaims, ChatQuestion>;

export const CANARY_MESSAGE = 'Is the ledger of cobalt-heron balanced?';

/** An envelope for a chat, and a question under it, both right unless changed. */
export async function askChat(organisation: TestOrganisation, options: ChatOptions = {}): Promise<AskedChat> {
  const {
    asker = organisation.invoker,
    responder = organisation.responders[0],
    earlier,
    now = organisation.now,
  } = options;
  const envelope: ChatEnvelopeClaims = earlier?.envelope ?? {
    iss: organisation.vault.urn,
    aud: responder.urn,
    sub: asker.urn,
    iat: now,
    nbf: now,
    exp: now + 120,
    jti: mintId('env'),
    purpose: 'chat.invoke',
    req: 'request-0123456789',
    cnf: { jkt: asker.sig.kid },
    dir: organisation.trust.directoryRef,
    pol: { uses: 1, stream: true, models: ['default'] },
    ...options.envelope,
  };
  const env = earlier?.body.bundle.env ?? (await signChatEnvelope(envelope, organisation.vault.signer));
  const bundle: Bundle = { v: 1, env, tags: [], ...options.bundle };
  const question: ChatQuestion = {
    iss: asker.urn,
    aud: responder.urn,
    iat: now,
    exp: now + 60,
    jti: mintId('inv'),
    purpose: 'chat.invoke',
    env: { jti: envelope.jti, hash: await tokenHash(env) },
    dir: { ...organisation.trust.directoryRef },
    rsp: encodeBase64url(randomBytes(32)),
    vars: {},
    messages: [{ role: 'user', content: CANARY_MESSAGE }],
    opt: { stream: false, privacy: 'padded', model: 'default' },
    ...options.question,
  };
  const recipient = { urn: question.aud, record: recordOf(responder, 'enc') };
  const sealed = await sealInvocation(question, asker.signer, recipient);
  return { body: { bundle, inv: sealed.token }, envelope, question, rh: sealed.rh, ih: sealed.ih };
}
