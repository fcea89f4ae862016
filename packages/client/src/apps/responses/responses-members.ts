import type { MemberRules } from '../request-members.js';

const NO_STATE = 'no answer is kept at a server here: send the whole conversation as input';
const NOT_SHOWN = 'who answers does not learn it';

/** What becomes of each member of a request to `POST /responses`; docs/guide/own-sdk.md has the same list. */
export const RESPONSES_MEMBERS: MemberRules = {
  model: { is: 'passed', how: 'a model of the responder, or `prompt:NAME`' },
  input: { is: 'passed', how: 'text, messages, calls of functions and their results' },
  instructions: { is: 'passed', how: 'the first message, as the system' },
  tools: { is: 'passed', how: 'functions only' },
  tool_choice: { is: 'passed', how: '`none`, `auto`, `required`, or one function' },
  parallel_tool_calls: { is: 'passed', how: 'where there are tools' },
  text: { is: 'passed', how: '`format` and `verbosity`' },
  reasoning: { is: 'passed', how: '`effort`; no summary comes back' },
  max_output_tokens: { is: 'passed', how: 'as it is' },
  temperature: { is: 'passed', how: 'as it is' },
  top_p: { is: 'passed', how: 'as it is' },
  top_logprobs: { is: 'passed', how: 'as it is' },
  include: {
    is: 'passed',
    how: '`message.output_text.logprobs`, and `reasoning.encrypted_content`, for which nothing comes back',
  },
  prompt: { is: 'passed', how: 'a stored prompt of the vault: `id` is its name, variables are text' },
  metadata: { is: 'passed', how: '`bulla_vars` has the variables of a stored prompt; the rest comes back' },
  stream: { is: 'passed', how: 'the answer comes as events' },
  stream_options: { is: 'passed over', why: 'every frame is padded to 64 bytes as it is' },
  user: { is: 'passed over', why: NOT_SHOWN },
  safety_identifier: { is: 'passed over', why: NOT_SHOWN },
  client_metadata: { is: 'passed over', why: NOT_SHOWN },
  prompt_cache_key: { is: 'passed over', why: 'a hint to a cache' },
  prompt_cache_options: { is: 'passed over', why: 'a hint to a cache' },
  prompt_cache_retention: { is: 'passed over', why: 'a hint to a cache' },
  service_tier: { is: 'passed over', why: 'the operator of the responder decides' },
  max_tool_calls: { is: 'passed over', why: 'it counts tools that a server runs; no server runs any here' },
  truncation: { is: 'passed over', why: 'nothing of the input is left out here: what is too long is an error' },
  context_management: { is: 'passed over', why: 'nothing of the input is left out here' },
  store: { is: 'refused', why: 'no answer is kept at a server here: send store: false, or nothing', but: [false] },
  previous_response_id: { is: 'refused', why: NO_STATE },
  conversation: { is: 'refused', why: NO_STATE },
  background: { is: 'refused', why: 'an answer is not kept, so it has to be waited for', but: [false] },
  moderation: { is: 'refused', why: 'nobody here moderates: ask a model for it' },
};
