import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import { AppSurface } from '../../src/apps/app-surface.js';
import type { World } from '../world.js';
import { makeWorld } from '../world.js';
import { tell } from './asking.js';
import { chunksOf } from './said-answer.js';

const ADDRESS = 'ada@example.org';

let world: World;
let surface: AppSurface;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  surface = new AppSurface(await world.client(undefined, { pii: { mode: 'mask', tools: ['send'] } }));
  world.responder.script.deltas = () => {
    const placeholder = /<EMAIL[^>]*>/.exec(asked())?.[0] ?? 'nothing';
    const said = chunksOf({
      // Cut in the middle of the placeholder.
      text: ['To ', placeholder.slice(0, 4), placeholder.slice(4)],
      calls: [
        ['call_1', 'send', [JSON.stringify({ to: placeholder })]],
        ['call_2', 'look', [JSON.stringify({ to: placeholder })]],
      ],
      finish: 'tool_calls',
    });
    return said.map((chunk) => utf8(`${JSON.stringify(chunk)}\n`));
  };
});
afterAll(() => world.stop());
const asked = () => JSON.stringify(world.responder.questions.at(-1)?.messages);

const tools = ['send', 'look'];
const content = `Write to ${ADDRESS}.`;
const RESPONSES = {
  model: 'small',
  input: content,
  tools: tools.map((name) => ({ type: 'function', name, parameters: { type: 'object' } })),
};
const MESSAGES = {
  model: 'small',
  max_tokens: 9,
  messages: [{ role: 'user', content }],
  tools: tools.map((name) => ({ name, input_schema: { type: 'object' } })),
};

describe('where personal data is masked', () => {
  it('responses have it again: text, and arguments of tools that the setting lists, whole and as events', async () => {
    const whole = (await tell(surface, '/responses', RESPONSES)).json();
    expect(asked()).not.toContain(ADDRESS);
    const output = whole['output'] as { readonly arguments?: string }[];
    expect(output[0]).toMatchObject({ content: [{ text: `To ${ADDRESS}` }] });
    expect(output[1]?.arguments).toBe(JSON.stringify({ to: ADDRESS }));
    expect(output[2]?.arguments).not.toContain(ADDRESS);
    const told = await tell(surface, '/responses', { ...RESPONSES, stream: true });
    const events = told.events() as { readonly type: string; readonly delta: string; readonly response: object }[];
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta').map(({ delta }) => delta);
    expect(deltas.join('')).toBe(`To ${ADDRESS}`);
    expect(events.at(-1)?.response).toMatchObject({
      output: [{ content: [{ text: `To ${ADDRESS}` }] }, { arguments: JSON.stringify({ to: ADDRESS }) }, {}],
    });
    expect(told.headers['x-bulla-pii']).toBe('mask;email=1');
  });

  it('messages have it again in the same way', async () => {
    const whole = (await tell(surface, '/messages', MESSAGES)).json();
    expect(asked()).not.toContain(ADDRESS);
    expect(whole['content']).toMatchObject([{ text: `To ${ADDRESS}` }, { input: { to: ADDRESS } }, {}]);
    const told = await tell(surface, '/messages', { ...MESSAGES, stream: true });
    const events = told.events() as { readonly delta?: { readonly text?: string; readonly partial_json?: string } }[];
    expect(events.map(({ delta }) => delta?.text ?? '').join('')).toBe(`To ${ADDRESS}`);
    expect(events.flatMap(({ delta }) => delta?.partial_json ?? [])[0]).toBe(JSON.stringify({ to: ADDRESS }));
    expect(told.headers['x-bulla-pii']).toBe('mask;email=1');
  });
});
