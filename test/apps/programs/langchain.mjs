// LangChain.js: a chat, a stream, a tool, embeddings.
import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';

const messages = [new SystemMessage('Be brief.'), new HumanMessage('How is the weather?')];
const chat = new ChatOpenAI({ model: 'small', temperature: 0, maxRetries: 0 });
const seen = {};

const [scene] = process.argv.slice(2);
if (scene === 'text') {
  const { content, usage_metadata: usage } = await chat.invoke(messages);
  Object.assign(seen, { content, usage });
} else if (scene === 'stream') {
  seen.pieces = [];
  for await (const { content } of await chat.stream(messages)) seen.pieces.push(content);
} else if (scene === 'tools') {
  const schema = { type: 'object', properties: { rain: { type: 'boolean' } }, required: ['rain'] };
  const look = tool(() => 'rain', { name: 'look', description: 'Looks.', schema });
  const { tool_calls: calls } = await chat.bindTools([look]).invoke(messages);
  seen.calls = calls.map(({ id, name, args }) => ({ id, name, args }));
} else if (scene === 'embeddings') {
  seen.embeddings = await new OpenAIEmbeddings({ model: 'small' }).embedDocuments(['a', 'b c']);
}
console.log(JSON.stringify(seen));
