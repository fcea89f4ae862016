// An ordinary app of OpenAI's SDK that lets a model call functions until it can answer. With another OPENAI_BASE_URL the
// calls it acts on are verified: no argument of a call reaches it before the whole answer is found to be good.
import OpenAI from 'openai';

const STOCK = { umbrella: 3, raincoat: 0 };
const TOOL = {
  type: 'function',
  function: {
    name: 'in_stock',
    description: 'How many of an article are in stock.',
    parameters: { type: 'object', properties: { article: { type: 'string' } }, required: ['article'] },
  },
};

const client = new OpenAI();
const messages = [{ role: 'user', content: 'It rains. What can I buy from you?' }];
for (let round = 0; round < 5; round++) {
  const { choices } = await client.chat.completions.create({
    model: process.env.OPENAI_MODEL ?? 'default',
    messages,
    tools: [TOOL],
  });
  const { message } = choices[0];
  messages.push(message);
  if (!message.tool_calls?.length) {
    console.log(message.content);
    break;
  }
  for (const { id, function: called } of message.tool_calls) {
    const { article } = JSON.parse(called.arguments);
    console.log(`${called.name}(${article})`);
    messages.push({ role: 'tool', tool_call_id: id, content: String(STOCK[article] ?? 0) });
  }
}
