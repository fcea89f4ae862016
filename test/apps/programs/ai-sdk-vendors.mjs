// The AI SDK with the providers of OpenAI, which ask for responses, and of Anthropic. They check what they are told against
// schemas of their own.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai';

const { OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY } = process.env;
const model =
  ANTHROPIC_BASE_URL === undefined
    ? createOpenAI({ baseURL: OPENAI_BASE_URL, apiKey: OPENAI_API_KEY })('small')
    : createAnthropic({ baseURL: `${ANTHROPIC_BASE_URL}/v1`, apiKey: ANTHROPIC_API_KEY })('small');
const schema = jsonSchema({
  type: 'object',
  properties: { rain: { type: 'boolean' } },
  required: ['rain'],
  additionalProperties: false,
});
const asked = {
  model,
  instructions: 'Be brief.',
  maxRetries: 0,
  maxOutputTokens: 50,
  providerOptions: { openai: { store: false } },
};
const prompt = 'How is the weather?';
const look = tool({ inputSchema: schema, execute: async ({ rain }) => `rain: ${rain}` });
const stepsOf = (steps) => steps.map(({ toolCalls }) => toolCalls.map(({ input }) => input));

const scenes = {
  text: async () => {
    const { text, usage, finishReason } = await generateText({ ...asked, prompt });
    return { text, total: usage.totalTokens, finishReason };
  },
  stream: async () => {
    const { textStream, finishReason } = streamText({ ...asked, prompt });
    const pieces = [];
    for await (const piece of textStream) pieces.push(piece);
    return { pieces, finishReason: await finishReason };
  },
  tools: async () => {
    const { text, steps } = await generateText({ ...asked, prompt, tools: { look }, stopWhen: isStepCount(3) });
    return { text, steps: stepsOf(steps) };
  },
  streamedTools: async () => {
    const stream = streamText({ ...asked, prompt, tools: { look }, stopWhen: isStepCount(3) });
    return { text: await stream.text, steps: stepsOf(await stream.steps) };
  },
  history: async () => {
    const { response } = await generateText({ ...asked, prompt });
    const messages = [{ role: 'user', content: prompt }, ...response.messages, { role: 'user', content: 'And now?' }];
    const { text } = await generateText({ ...asked, messages });
    return { text, roles: response.messages.map(({ role }) => role) };
  },
  object: async () => (await generateText({ ...asked, prompt, output: Output.object({ schema }) })).output,
};
const [scene] = process.argv.slice(2);
console.log(JSON.stringify(await scenes[scene]()));
