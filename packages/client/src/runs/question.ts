import type {
  AskerMessage,
  Bundle,
  CryptoError,
  ModelParameters,
  ResolvedTag,
  Trust,
  VerifiedPromptEnvelope,
} from '@bulla/crypto';
import { checkBundleForAsker, parseBundle, parseTag, tokenParameters } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import { isFresh, sayForks, withWords } from '../labels/label-freshness.js';
import { accept } from '../labels/labels.js';
import type { Session } from '../connection/session.js';
import { chosenResponder, noticeRemade, responderOf, vaultOf } from '../connection/session.js';
import { newIdempotencyKey } from '../connection/transport.js';
import type { Permit, Question } from './sealed-question.js';
import { sealQuestion } from './sealed-question.js';
import type { SeenName } from '../trust/trust-store.js';
import { contentOf } from '../trust/trust-store.js';

/** What to ask: a prompt, its variables and how to run it. */
export interface Asking {
  readonly name: string;
  /** Which version: a number or a label; the label `production` unless given. */
  readonly version?: number | undefined;
  readonly label?: string | undefined;
  readonly vars: Readonly<Record<string, string>>;
  /** Whether the answer is to come in parts. */
  readonly stream: boolean;
  /** The asker's own messages, where the prompt takes some. */
  readonly messages?: readonly AskerMessage[] | undefined;
  readonly maxOutputTokens?: number | undefined;
  /** What else is asked of the model, by OpenAI's names: those that the prompt lets askers set. */
  readonly parameters?: ModelParameters | undefined;
  /** URN of the responder; the first of the directory unless given. */
  readonly responder?: string | undefined;
  /** `inv_…` of the question that this one repeats, if its end is not known or it never ran. */
  readonly retryOf?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A question of a stored prompt. */
export interface PromptQuestion extends Question {
  readonly resolved: ResolvedTag;
}

type PromptPermit = Permit & {
  readonly envelope: VerifiedPromptEnvelope;
  readonly resolved: ResolvedTag;
  /** Whether somebody calls the position the newest; not looked for where the content was known. */
  readonly isFresh: boolean;
  /** Why words of renewers did not count. */
  readonly passedOver: readonly CryptoError[];
};

const DEFAULT_LABEL = 'production';

/**
 * Gets leave to ask, checks it, and only then seals the question: until the bundle is found good, nothing of the
 * variables is in any request (protocol.md §2.5, "the client MUST").
 * @throws {BullaError} what the vault refused; envelope_tampered, label_stale, key_unknown, … with the check that failed
 */
export async function ask(session: Session, asking: Asking): Promise<PromptQuestion> {
  const permit = await getPermit(session, asking);
  const { name, vars, messages = [], stream, maxOutputTokens, parameters = {}, retryOf } = asking;
  const question = await sealQuestion(session, permit, {
    purpose: 'prompt.invoke',
    name,
    vars: { ...vars },
    messages: [...messages],
    ...(retryOf !== undefined && { retry_of: retryOf }),
    opt: {
      stream,
      privacy: 'padded',
      ...(maxOutputTokens !== undefined && { max_output_tokens: maxOutputTokens }),
      ...tokenParameters(parameters),
    },
  });
  return { ...question, resolved: permit.resolved };
}

/** The vault's bundle, after every check of it. */
async function getPermit(session: Session, asking: Asking): Promise<PromptPermit> {
  const { name, version, label, signal } = asking;
  const { identity, keeper, labels, transport, now } = session;
  const trust = await keeper.current();
  const responder = chosenResponder(session, trust, asking.responder);
  const choice = choiceOf(version, label);
  const request = newIdempotencyKey();
  const body = { name, ...choice, aud: responder.urn };
  const call = { body, idempotencyKey: request, signal };
  // Read before the request is sent. So an answer that is on its way while this client moves the label is not too old.
  const seen = await labels.seen(name);
  const answer = await transport.call('envelope.issue', vaultOf(session, trust), trust, call);
  // What a version says never changes, no matter who saw it first.
  const known = await labels.seen(name);
  const asker = { urn: identity.urn, kid: identity.signer.kid };
  const parsed = await checked(() => parseBundle(answer));
  const words = parsed.sent.fresh ?? [];
  // The envelope names the newest directory that the vault has; one from before it did makes us ask for it.
  // guard: client-ask-newest without: const base = trust;
  const base = parsed.envelope.claims.dir === undefined ? await keeper.newest() : trust;
  const checkUnder = (under: Trust, fresh: readonly string[]): Promise<PromptPermit> =>
    checked(async () => {
      const { fresh: _given, ...parts } = parsed.sent;
      const bundle = { ...parsed, sent: { ...parts, ...(fresh.length > 0 && { fresh: [...fresh] }) } };
      const wanted = {
        name,
        ...choice,
        chash: seenContent(known, version, bundle.sent), // guard: client-first-content without: chash: undefined
      };
      const context = { trust: under, now: now(), asker, audience: responder.urn, request, wanted };
      // guard: client-bundle without:
      //   const part = (bundle.sent.env.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
      //   const envelope = { claims: JSON.parse(atob(part)), hash: 'A'.repeat(43) };
      //   const resolved = { name, sub: '', label: 'production', seq: 1, version: 1, chash: '' };
      //   const unchecked = () => ({ envelope, resolved }) as never;
      //   const { fresh: newest, ...good } = await checkBundleForAsker(bundle, context).catch(unchecked);
      const { fresh: newest, ...good } = await checkBundleForAsker(bundle, context);
      const isNewest = { isFresh: newest !== undefined, passedOver: newest?.passedOver ?? [] };
      // Its address, too, is that of the newest directory.
      // guard: client-ask-address without: return { ...good, ...isNewest, bundle: bundle.sent, responder, trust: under };
      const address = responderOf(session, under, responder.urn);
      return { ...good, ...isNewest, bundle: bundle.sent, responder: address, trust: under };
    });
  const permit = await withWords(session, base, words, (under, fresh) =>
    keeper.withKnownKeys(under, (newest) => checkUnder(newest, fresh)),
  );
  sayForks(session, permit.passedOver);
  const { tags } = permit.bundle;
  // guard: client-ask-after
  await accept(session, permit.trust, { ...permit.resolved, tags }, seen, async () => {
    if (permit.isFresh) return true;
    // guard: client-ask-known without: return true;
    return isFresh(session, permit.trust, permit.resolved, words);
  });
  noticeRemade(session, seen, permit.resolved);
  return permit;
}

function choiceOf(
  version: number | undefined,
  label: string | undefined,
): { version: number; label?: undefined } | { label: string; version?: undefined } {
  if (version === undefined) return { label: label ?? DEFAULT_LABEL };
  if (label === undefined) return { version };
  throw bullaError('validation_failed', { message: 'name either a version or a label, not both', origin: 'client' });
}

/** The content first seen for a named version. If the name stands for another prompt by now, its versions are others. */
function seenContent(seen: SeenName | undefined, version: number | undefined, { tags }: Bundle): string | undefined {
  if (seen === undefined || version === undefined) return undefined;
  return tags.every((tag) => parseTag(tag).claims.sub === seen.sub) ? contentOf(seen, version) : undefined;
}
