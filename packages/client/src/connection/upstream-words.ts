import type { ReplyError } from '@bulla/crypto';

/** What became of a model server, as a responder says it inside a sealed answer. */
export type UpstreamFault = Omit<ReplyError, 'code'>;

type Words = (fault: UpstreamFault) => string;

const REFUSED = 'refused the credentials of the responder';
/** What a status means, where it means one thing. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: REFUSED,
  403: REFUSED,
  404: 'serves no chat completions under this URL',
  405: 'serves no chat completions under this URL',
  408: 'did not answer in time',
  429: 'has too many requests just now',
  504: 'did not answer in time',
};

/** By cause (docs/spec/frames.md, Errors). */
const WORDS: Readonly<Record<string, Words>> = {
  connection_refused: () => 'could not be reached: nobody listens there',
  host_unknown: () => 'could not be reached: there is no such host',
  tls_failed: () => 'could not be reached: its TLS or its certificate is not good',
  unreachable: () => 'could not be reached',
  hung_up: () => 'ended the connection without an answer',
  too_slow: () => 'did not answer in time',
  http_status: ({ status = 0 }) =>
    `${STATUS_WORDS[status] ?? 'answered something else than a completion'} (HTTP status ${status})`,
  not_completions: () => 'answered something that is no stream of chat completions',
  cut: () => 'ended its answer in the middle',
  withheld: () => 'withheld its answer',
  resting: () => 'failed again and again, so the responder leaves it alone for a while',
  full: () => 'has as many questions as the responder gives it at once',
};

/** What no model behind a name does, by cause. */
const NEEDS: Readonly<Record<string, string>> = {
  needs_chat: 'answers a chat',
  needs_embeddings: 'makes embeddings',
  needs_tools: 'calls tools',
  needs_images: 'takes images',
  needs_files: 'takes files',
  needs_json_schema: 'keeps to a JSON schema',
  needs_reasoning: 'takes a reasoning effort',
  needs_logprobs: 'gives log probabilities',
  needs_sampling: 'takes a temperature and the like',
  needs_choices: 'gives several answers at once',
  needs_context: 'has room for so long a question',
};

/** A sentence about a model server; undefined where the responder does not say, or not in a word that is known here. */
export function upstreamWords(fault: UpstreamFault): string | undefined {
  const { cause = '', host } = fault;
  if (Object.hasOwn(NEEDS, cause)) return `no model behind this name ${NEEDS[cause]}`;
  const words = Object.hasOwn(WORDS, cause) ? WORDS[cause] : undefined;
  if (words === undefined) return undefined;
  return `${host === undefined ? 'the model server' : `the model server at ${host}`} ${words(fault)}`;
}
