// An ordinary app of OpenAI's SDK: it shows an answer as it comes. The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY itself,
// so `npx bulla exec -- node examples/stream.mjs` is all it takes to seal what it asks and to verify what it is told.
import OpenAI from 'openai';

const client = new OpenAI();
const stream = await client.chat.completions.create({
  model: process.env.OPENAI_MODEL ?? 'default',
  messages: [
    {
      role: 'user',
      content:
        'A pipe broke in the kitchen last night. The water still runs into the flat below. ' +
        'The tenant is on holiday until Sunday. A neighbour has a key to the flat. What is to be done about the water first?',
    },
  ],
  stream: true,
});
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
process.stdout.write('\n');
