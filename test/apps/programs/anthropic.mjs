// Anthropic's SDK: a message, a stream, a loop of tools, an image, an object, an error and a stream that is left.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 0 });
const asked = { model: 'small', max_tokens: 100, messages: [{ role: 'user', content: 'How is the weather?' }] };
const schema = {
  type: 'object',
  properties: { rain: { type: 'boolean' } },
  required: ['rain'],
  additionalProperties: false,
};
const tools = [{ name: 'look', description: 'Looks out of the window.', input_schema: schema }];
const png = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };

/** What an app reads of a message: all but names and what a vendor adds. */
const seenOf = ({ role, model, content, stop_reason, usage }) => ({
  role,
  model,
  stop_reason,
  usage: [usage.input_tokens, usage.output_tokens],
  content: content.map(({ type, text, name, input }) => ({ type, text, name, input })),
});

const scenes = {
  text: async () => {
    const message = await client.messages.create({ ...asked, system: 'Be brief.', stop_sequences: ['END'] });
    return seenOf(message);
  },
  stream: async () => {
    const stream = client.messages.stream(asked);
    const pieces = [];
    stream.on('text', (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    return { pieces, message: seenOf(message) };
  },
  events: async () => {
    const types = [];
    for await (const { type } of await client.messages.create({ ...asked, tools, stream: true })) types.push(type);
    // A vendor may send the input of a tool in any number of pieces.
    return types.filter((type, index) => type !== 'content_block_delta' || types[index - 1] !== type);
  },
  tools: async () => {
    const messages = [...asked.messages];
    for (let rounds = 1; ; rounds++) {
      const message = await client.messages.stream({ ...asked, messages, tools }).finalMessage();
      messages.push({ role: 'assistant', content: message.content });
      const uses = message.content.filter(({ type }) => type === 'tool_use');
      if (uses.length === 0) return { rounds, message: seenOf(message) };
      const results = uses.map(({ id, input }) => ({ type: 'tool_result', tool_use_id: id, content: `${input.rain}` }));
      messages.push({ role: 'user', content: results });
    }
  },
  image: async () => {
    const content = [
      { type: 'image', source: png },
      { type: 'text', text: 'What is this?' },
    ];
    return seenOf(await client.messages.create({ ...asked, messages: [{ role: 'user', content }] }));
  },
  object: async () => {
    const output_config = { format: { type: 'json_schema', schema } };
    return (await client.messages.parse({ ...asked, output_config })).parsed_output;
  },
  error: async () => {
    try {
      return seenOf(await client.messages.create(asked));
    } catch (error) {
      return { name: error.constructor.name, status: error.status, type: error.type };
    }
  },
  broken: async () => {
    const pieces = [];
    const stream = client.messages.stream(asked).on('text', (piece) => pieces.push(piece));
    const failed = await stream.finalMessage().then(
      () => false,
      () => true,
    );
    return { pieces, failed };
  },
  left: async () => {
    const pieces = [];
    for await (const { delta } of client.messages.stream(asked)) {
      if (delta?.type === 'text_delta') pieces.push(delta.text);
      if (pieces.length === 1) break;
    }
    return pieces;
  },
};
const [scene] = process.argv.slice(2);
console.log(JSON.stringify(await scenes[scene]()));
