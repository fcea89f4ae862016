// An app of somebody who has never heard of Bulla: OpenAI's SDK, which reads its base URL and its key itself.
import OpenAI from 'openai';

const client = new OpenAI();
const messages = [{ role: 'user', content: 'How is the weather?' }];
const found = {};

const { data: whole, response } = await client.chat.completions.create({ model: 'small', messages }).withResponse();
found.whole = whole.choices[0].message.content;
found.verified = response.headers.get('x-bulla-verified');

found.streamed = '';
const stream = await client.chat.completions.create({ model: 'small', messages, stream: true });
for await (const chunk of stream) found.streamed += chunk.choices[0]?.delta.content ?? '';

const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
const called = await client.chat.completions.create({ model: 'small', messages, tools, tool_choice: 'required' });
found.tool = called.choices[0].message.tool_calls?.[0]?.function.name;

found.response = (await client.responses.create({ model: 'small', input: 'How is the weather?' })).output_text;
found.models = (await client.models.list()).data.map(({ id }) => id);
found.embedding = (await client.embeddings.create({ model: 'small', input: 'rain' })).data[0].embedding.length > 0;

const stored = {
  model: 'prompt:claims/triage',
  messages: [],
  metadata: { bulla_vars: '{"claim":"Water is flowing."}' },
};
found.prompt = (await client.chat.completions.create(stored)).choices[0].message.content;

process.stdout.write(`${JSON.stringify(found)}\n`);
