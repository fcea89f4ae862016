import type { MemberRules } from '../request-members.js';

const ELSEWHERE = 'only a server of its vendor can do this';

/** What becomes of each member of a request to `POST /messages`; docs/guide/own-sdk.md has the same list. */
export const MESSAGES_MEMBERS: MemberRules = {
  model: { is: 'passed', how: 'a model of the responder, or `prompt:NAME`' },
  max_tokens: { is: 'passed', how: 'as it is' },
  messages: { is: 'passed', how: 'text, pictures and documents in base64, calls of tools and their results' },
  system: { is: 'passed', how: 'the first message, as the system' },
  tools: { is: 'passed', how: 'those that the app runs itself' },
  tool_choice: { is: 'passed', how: '`auto`, `any`, `none`, or one tool' },
  stop_sequences: { is: 'passed', how: 'at most four; which of them ended an answer is not told' },
  temperature: { is: 'passed', how: 'as it is' },
  top_p: { is: 'passed', how: 'as it is' },
  output_config: { is: 'passed', how: '`effort` and `format`' },
  metadata: { is: 'passed', how: '`bulla_vars` has the variables of a stored prompt; nothing else goes on' },
  stream: { is: 'passed', how: 'the answer comes as events' },
  thinking: { is: 'passed over', why: 'no thinking comes back; how much of it there is, `output_config.effort` says' },
  context_management: { is: 'passed over', why: 'nothing of the conversation is left out here' },
  cache_control: { is: 'passed over', why: 'a hint to a cache, here and in every part' },
  service_tier: { is: 'passed over', why: 'the operator of the responder decides' },
  speed: { is: 'passed over', why: 'the operator of the responder decides' },
  user_profile_id: { is: 'passed over', why: 'who answers does not learn it' },
  workspace_id: { is: 'passed over', why: 'who answers does not learn it' },
  diagnostics: { is: 'passed over', why: 'it changes no answer' },
  top_k: { is: 'refused', why: 'no responder can be asked for it: use top_p' },
  container: { is: 'refused', why: ELSEWHERE },
  mcp_servers: { is: 'refused', why: ELSEWHERE },
  inference_geo: { is: 'refused', why: 'where a model runs, the operator of the responder decides' },
};
