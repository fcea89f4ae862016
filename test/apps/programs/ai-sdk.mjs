// The AI SDK with a provider that is compatible with OpenAI: text, a stream, a tool, an object, embeddings and an error.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai';

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
const provider = createOpenAICompatible({ name: 'any', baseURL, apiKey, supportsStructuredOutputs: true });
const model = provider('small');
const prompt = 'How is the weather?';
const schema = jsonSchema({
  type: 'object',
  properties: { rain: { type: 'boolean' } },
  required: ['rain'],
  additionalProperties: false,
});
const seen = {};

const [scene] = process.argv.slice(2);
if (scene === 'text') {
  const { text, usage, finishReason } = await generateText({ model, prompt, temperature: 0.5 });
  Object.assign(seen, { text, total: usage.totalTokens, finishReason });
} else if (scene === 'stream') {
  const { textStream, finishReason } = streamText({ model, prompt });
  seen.pieces = [];
  for await (const piece of textStream) seen.pieces.push(piece);
  seen.finishReason = await finishReason;
} else if (scene === 'tools') {
  const look = tool({ inputSchema: schema, execute: async ({ rain }) => `rain: ${rain}` });
  const { text, steps } = await generateText({ model, prompt, tools: { look }, stopWhen: isStepCount(3) });
  Object.assign(seen, { text, steps: steps.map(({ toolCalls }) => toolCalls.map(({ input }) => input)) });
} else if (scene === 'object') {
  const { output } = await generateText({ model, prompt, output: Output.object({ schema }) });
  seen.output = output;
} else if (scene === 'embeddings') {
  const { embeddings } = await embedMany({ model: provider.embeddingModel('small'), values: ['a', 'b c'] });
  seen.embeddings = embeddings;
} else if (scene === 'error') {
  try {
    await generateText({ model, prompt, maxRetries: 0 });
  } catch (error) {
    Object.assign(seen, { name: error.name, status: error.statusCode, isRetryable: error.isRetryable });
  }
}
console.log(JSON.stringify(seen));
