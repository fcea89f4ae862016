import { PARAMETER_NAMES } from '@bulla/crypto/names';
import type { MemberRule, MemberRules } from '../request-members.js';

const AS_IT_IS: MemberRule = { is: 'passed', how: 'as it is' };
const NOT_SHOWN = 'who answers does not learn it';

/** What becomes of each member of a request to `POST /chat/completions`; docs/guide/own-sdk.md has the same list. */
export const CHAT_MEMBERS: MemberRules = {
  model: { is: 'passed', how: 'a model of the responder, or `prompt:NAME`' },
  messages: { is: 'passed', how: 'text, pictures and files as `data:` URLs, calls of tools and their results' },
  metadata: { is: 'passed', how: '`bulla_vars` has the variables of a stored prompt; the rest stays here' },
  max_completion_tokens: AS_IT_IS,
  max_tokens: { is: 'passed', how: 'where `max_completion_tokens` is not given' },
  stream: { is: 'passed', how: 'the answer comes as chunks' },
  stream_options: { is: 'passed', how: '`include_usage`' },
  ...Object.fromEntries(PARAMETER_NAMES.map((name) => [name, AS_IT_IS])),
  user: { is: 'passed over', why: NOT_SHOWN },
  safety_identifier: { is: 'passed over', why: NOT_SHOWN },
  store: { is: 'passed over', why: 'nobody keeps the answer but you' },
  service_tier: { is: 'passed over', why: 'the operator of the responder decides' },
  prompt_cache_key: { is: 'passed over', why: 'a hint to a cache' },
  prompt_cache_retention: { is: 'passed over', why: 'a hint to a cache' },
};

/** The same of `POST /embeddings`. */
export const EMBEDDINGS_MEMBERS: MemberRules = {
  model: { is: 'passed', how: 'a model of the responder' },
  input: { is: 'passed', how: 'one text or several, and no numbers of tokens' },
  dimensions: AS_IT_IS,
  encoding_format: { is: 'passed', how: '`float` or `base64`' },
  user: { is: 'passed over', why: NOT_SHOWN },
};
