// An ordinary app of Anthropic's SDK: it shows an answer as it comes, and answers the tools that the model uses. The SDK
// reads ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY itself. Through Bulla it gets the input of a tool once the whole answer is
// found to be good.
import Anthropic from '@anthropic-ai/sdk';

const DEPARTURES = { Bern: '10:02', Chur: '10:07' };
const TOOL = {
  name: 'next_train',
  description: 'When the next train leaves for a town.',
  input_schema: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
};

const client = new Anthropic();
const messages = [{ role: 'user', content: 'How do I get to Bern?' }];
for (let round = 0; round < 5; round++) {
  const stream = client.messages.stream({
    model: process.env.ANTHROPIC_MODEL ?? 'default',
    max_tokens: 1_000,
    system: 'Be brief.',
    messages,
    tools: [TOOL],
  });
  stream.on('text', (text) => process.stdout.write(text));
  const { content } = await stream.finalMessage();
  process.stdout.write('\n');
  messages.push({ role: 'assistant', content });
  const uses = content.filter(({ type }) => type === 'tool_use');
  if (uses.length === 0) break;
  const results = uses.map(({ id, name, input }) => {
    console.log(`${name}(${input.town})`);
    return { type: 'tool_result', tool_use_id: id, content: DEPARTURES[input.town] ?? 'never' };
  });
  messages.push({ role: 'user', content: results });
}
