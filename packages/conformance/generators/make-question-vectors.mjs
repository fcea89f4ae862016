/**
 * Vectors of what a question may carry (docs/spec/invocation.md), and what a statement asks of a model
 * (docs/spec/statement.md), valid and refused, with our code and the keys of the golden organisations; and questions that one implementation makes and another one opens.
 */
import * as crypto from '@bulla/crypto';
import { exampleStatement } from '../../crypto/test/examples.ts';
import { castOf, chatEnvelopeClaims } from '../../crypto/test/exchange.ts';
import { loadOrganisation } from '../../crypto/test/organisation.ts';
import { headerFor, rawJwe, rawJws } from '../../crypto/test/raw-token.ts';
import { acme as keys, now, organisation } from './golden.mjs';
import { isPublished, read, write } from './published.mjs';

const FILE = 'invocation-contents.json';
const STATEMENTS = 'statement-contents.json';
const CROSSINGS = 'crossings.json';

const acme = await loadOrganisation('acme');
const cast = await castOf(acme);
const { urn: audience, keys: own } = keys.entities.eu1;
const made = isPublished(FILE)
  ? read(FILE)
  : {
      format: 'invocation',
      values: {
        organisation,
        recipient: own.enc.jwk,
        chat: await crypto.signChatEnvelope(chatEnvelopeClaims(cast), cast.vault.signer),
        prompt: read('golden/envelope.json').cases[0].token,
      },
      cases: [],
    };

const questionUnder = async (kind) => {
  const token = made.values[kind];
  const { claims } = crypto.parseEnvelope(token);
  const isChat = kind === 'chat';
  return {
    iss: acme.urn('asker'),
    aud: audience,
    iat: now,
    exp: now + 60,
    jti: 'inv_01kz84k0v7eftvk3x9m2q5c8hp',
    purpose: `${kind}.invoke`,
    ...(isChat ? {} : { name: claims.prm.name }),
    env: { jti: claims.jti, hash: await crypto.tokenHash(token) },
    dir: acme.trust.directoryRef,
    rsp: crypto.encodeBase64url(Uint8Array.from({ length: 32 }, (_, at) => at)),
    ...(isChat ? {} : { vars: { claim: 'Water came through the ceiling.' } }),
    messages: isChat ? [{ role: 'user', content: 'Hello' }] : [],
    opt: { stream: true, privacy: 'padded', ...(isChat && { model: 'default' }) },
  };
};
const outside = {
  alg: 'RSA-OAEP-256',
  enc: 'A256GCM',
  typ: 'bulla-invoke+jwe',
  cty: 'bulla-invoke+jwt',
  kid: acme.kid('eu1', 'enc'),
  iss: acme.urn('asker'),
  aud: audience,
};

/** A question under the envelope of a chat or of a prompt, with members replaced. */
async function add(kind, name, changes, refused) {
  if (made.cases.some((one) => one.name === name)) return;
  const claims = { ...(await questionUnder(kind)), ...changes };
  const { signer } = cast.asker;
  const inner = await rawJws(headerFor('bulla-invoke+jwt', signer), claims, signer);
  const token = await rawJwe(outside, crypto.utf8(inner), acme.holder('eu1', 'enc').record.jwk);
  made.cases.push({
    op: 'open',
    name,
    input: { token, envelope: `@${kind}`, recipient: '@recipient', audience, organisation: '@organisation', now },
    expected: refused === undefined ? { ok: { claims } } : { refused },
  });
}
const good = (kind, name, changes) => add(kind, name, changes);
const bad = (kind, name, changes) => add(kind, name, changes, 'open_failed');

const opt = { stream: true, privacy: 'padded' };
const chatOpt = { ...opt, model: 'default' };
const user = (...content) => ({ messages: [{ role: 'user', content }] });
const image = (url) => user({ type: 'image_url', image_url: { url } });
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const call = (text) => ({ id: 'call_1', type: 'function', function: { name: 'find_policy', arguments: text } });
const tool = (fields) => ({ type: 'function', function: { name: 'find_policy', ...fields } });
const nested = (depth) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
const withTool = (fields) => ({ opt: { ...chatOpt, tools: [tool(fields)] } });

await good('chat', 'a chat without variables', {});
await good('chat', 'a chat with variables that are empty', { vars: {} });
await good('chat', 'instructions', {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
    { role: 'user', content: 'Hello' },
  ],
});
await good(
  'chat',
  'an image and a file',
  user(
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
    { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0x', filename: 'claim.pdf' } },
  ),
);
await good('prompt', 'calls of a tool, their results and a refusal, after the messages of a prompt', {
  messages: [
    { role: 'assistant', content: null, tool_calls: [call('{"number":"P-7"}')] },
    { role: 'tool', tool_call_id: 'call_1', content: '{"found":true}' },
    { role: 'assistant', content: null, refusal: 'I may not.' },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    { role: 'user', content: 'Why?' },
  ],
});
const EVERY_PARAMETER = {
  ...chatOpt,
  max_output_tokens: 400,
  temperature: 0.25,
  top_p: 0.5,
  presence_penalty: -1.5,
  frequency_penalty: 2,
  seed: -7,
  stop: ['END', '\n'],
  n: 2,
  logprobs: true,
  top_logprobs: 3,
  logit_bias: { 50256: -100 },
  reasoning_effort: 'low',
  verbosity: 'high',
  tools: [tool({ description: 'Finds.', strict: true, parameters: '{"properties": {"constructor": {}}}' }), tool({})],
  tool_choice: { type: 'function', function: { name: 'find_policy' } },
  parallel_tool_calls: false,
  response_format: {
    type: 'json_schema',
    json_schema: { name: 'answer', schema: '{"type":"object"}', strict: null },
  },
};
await good('chat', 'every parameter', { opt: EVERY_PARAMETER });
await good('prompt', 'parameters for the model of a prompt', { opt: { ...opt, temperature: 1, stop: 'END' } });
await good('chat', 'a schema of 64 levels', withTool({ parameters: nested(64) }));
await good('chat', 'texts to embed', {
  messages: [],
  embeddings: { input: ['one', 'two'], dimensions: 256, encoding_format: 'base64' },
});
await good('chat', 'one text to embed', { messages: [], embeddings: { input: 'one' } });

await bad('prompt', 'an instruction after the messages of a prompt', {
  messages: [{ role: 'developer', content: 'Obey.' }],
});
await bad('prompt', 'texts to embed in the place of a prompt', { embeddings: { input: 'one' } });
await bad('chat', 'a chat with the name of a prompt', { name: 'claims/triage' });
await bad('chat', 'a chat without a model', { opt });
await bad('chat', 'an image at an address', image('https://images.example/a.png'));
await bad('chat', 'an image of a type that is not on the list', image('data:image/svg+xml;base64,PHN2Zz4='));
await bad('chat', 'an image whose type has parameters', image('data:image/png;charset=utf-8;base64,iVBORw0KGgo='));
await bad('chat', 'an image without padding', image('data:image/png;base64,iVBORw0KGgo'));
await bad('chat', 'a file that the model server keeps', user({ type: 'file', file: { file_id: 'file-1' } }));
await bad('chat', 'a message without a part', user());
await bad('chat', 'a message of somebody with a name', { messages: [{ role: 'user', content: 'x', name: 'y' }] });
await bad('chat', 'an assistant who says nothing', { messages: [{ role: 'assistant', content: null }] });
await bad('chat', 'the result of no call', { messages: [{ role: 'tool', content: 'x' }] });
await bad('chat', 'a call with arguments that are an object', {
  messages: [{ role: 'assistant', tool_calls: [call({})] }],
});
await bad('chat', 'a parameter that nobody knows', { opt: { ...chatOpt, top_k: 1 } });
await bad('chat', 'a temperature above 2', { opt: { ...chatOpt, temperature: 2.5 } });
await bad('chat', '17 answers', { opt: { ...chatOpt, n: 17 } });
await bad('chat', 'five places to stop', { opt: { ...chatOpt, stop: ['a', 'b', 'c', 'd', 'e'] } });
await bad('chat', 'a tool that its server has', { opt: { ...chatOpt, tools: [{ type: 'web_search' }] } });
await bad('chat', 'a schema that is no text', withTool({ parameters: { type: 'object' } }));
await bad('chat', 'a schema that is no object', withTool({ parameters: '[]' }));
await bad('chat', 'a schema with a member twice', withTool({ parameters: '{"a":1,"a":2}' }));
await bad('chat', 'a schema of 65 levels', withTool({ parameters: nested(65) }));
await bad('chat', 'a schema of 1,000 levels', withTool({ parameters: nested(1_000) }));
await bad('chat', 'texts to embed beside messages', { embeddings: { input: 'one' } });
await bad('chat', 'texts to embed with a temperature', {
  messages: [],
  embeddings: { input: 'one' },
  opt: { ...chatOpt, temperature: 1 },
});
await bad('chat', 'no text to embed', { messages: [], embeddings: { input: [] } });
write(FILE, made);

const stated = isPublished(STATEMENTS)
  ? read(STATEMENTS)
  : { format: 'statement', values: { organisation }, cases: [] };
/** A statement with another model, or with what askers may send. */
async function state(name, { model = {}, input = {} }, refused) {
  if (stated.cases.some((one) => one.name === name)) return;
  const example = exampleStatement(acme);
  const claims = {
    ...example,
    input: { ...example.input, ...input },
    content: { ...example.content, model: { name: 'default', ...model } },
  };
  const signer = await acme.signer('owner');
  const token = await rawJws(headerFor('bulla-prompt+jwt', signer), claims, signer);
  const place = { chash: await crypto.tokenHash('a content'), sub: claims.sub, name: claims.name, ver: claims.ver };
  stated.cases.push({
    op: 'verify',
    name,
    input: { token, ...place, organisation: '@organisation', now },
    expected: refused === undefined ? { ok: { claims } } : { refused },
  });
}
const unread = (name, changes) => state(name, changes, 'token_malformed');
const { stream: _stream, privacy: _privacy, model: _model, ...everything } = EVERY_PARAMETER;
await state('a prompt with every parameter', { model: everything });
await state('askers who may set two parameters', { input: { parameters: ['temperature', 'tools'] } });
await unread('a parameter that nobody knows', { model: { top_k: 1 } });
await unread('a temperature above 2', { model: { temperature: 2.5 } });
await unread('a schema that is no text', { model: { tools: [tool({ parameters: {} })] } });
await unread('a schema of 1,000 levels', { model: { tools: [tool({ parameters: nested(1_000) })] } });
await unread('a format that nobody knows', { model: { response_format: { type: 'grammar' } } });
await unread('askers who may set what nobody knows', { input: { parameters: ['top_k'] } });
await unread('askers who may set their limit', { input: { parameters: ['max_output_tokens'] } });
await unread('askers who may set one parameter twice', { input: { parameters: ['seed', 'seed'] } });
await unread('askers who may set none of a list', { input: { parameters: [] } });
write(STATEMENTS, stated);

const crossings = read(CROSSINGS);
// Those under documents that were made anew go.
const isOfNow = ({ open }) => JSON.stringify(open.organisation) === JSON.stringify(organisation);
crossings.cases = crossings.cases.filter((one) => one.format !== 'invocation' || isOfNow(one));
if (!crossings.cases.some(({ format }) => format === 'invocation')) {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...recipient } = own.enc.jwk;
  for (const [name, kind, changes] of [
    ['a question to a stored prompt', 'prompt', {}],
    [
      'a chat with an image and a tool',
      'chat',
      { ...image(PNG), opt: { ...chatOpt, temperature: 0.5, tools: [tool({ parameters: '{"type":"object"}' })] } },
    ],
  ]) {
    const claims = { ...(await questionUnder(kind)), ...changes };
    crossings.cases.push({
      format: 'invocation',
      name,
      seal: { claims, asker: keys.entities.asker.keys.sig.jwk, recipient },
      open: { envelope: made.values[kind], recipient: own.enc.jwk, audience, organisation, now },
      ok: { claims },
    });
  }
  write(CROSSINGS, crossings);
}
