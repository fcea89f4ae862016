import { BullaError } from '@bulla/client';
import type { Bulla } from '@bulla/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AllowedNames } from '../src/allowed-names.js';
import { createMcpServer } from '../src/mcp-server.js';
import type { McpKeeper } from '../src/run-tool.js';

// What the server makes of what the SDK says, in the protocol's words. test/e2e/mcp.test.ts has a real vault and responder.

const CANARY = 'canary';
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

interface Scripted {
  /** Names that the vault lists, whatever is asked for. */
  readonly listed?: readonly string[];
  readonly read?: () => Promise<unknown>;
  readonly run?: (vars: Readonly<Record<string, string>>) => Promise<unknown>;
}

const OPENED = {
  version: 3,
  statement: {
    content: {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Sort {{claim}} for {{who}}' },
        { role: 'assistant', content: 'Yes.' },
      ],
      vars: { claim: { type: 'string', max: 9 }, who: { type: 'string', max: 9, default: 'Ada' } },
    },
  },
};
const ANSWER = {
  text: 'sorted',
  verified: true,
  prompt: { name: 'claims/triage', version: 3 },
  model: 'small',
  responder: 'urn:bulla:acme:responder:local',
};

function sourceOf({ listed = ['claims/triage'], read, run }: Scripted): Bulla {
  return {
    prompts: {
      async *list() {
        for (const name of await Promise.resolve(listed)) yield { name };
      },
      read: read ?? (() => Promise.resolve(OPENED)),
    },
    prompt: () => ({ run: run ?? (() => Promise.resolve(ANSWER)) }),
  } as unknown as Bulla;
}

async function connect(scripted: Scripted, keeper?: McpKeeper): Promise<Client> {
  const allowed = new AllowedNames(['claims/*']);
  const { server } = createMcpServer({ bulla: sourceOf(scripted), allowed, keeper, version: '0.1.0' });
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  await Promise.all([server.connect(far), client.connect(near)]);
  clients.push(client);
  return client;
}
const run = async (client: Client, given: object) => client.callTool({ name: 'run_prompt', ...given });
const problem = (code: BullaError['code'], details?: BullaError['details']) =>
  new BullaError(code, { message: 'why', origin: 'client', details });

describe('prompts', () => {
  it('are shown with their variables, and say where their text goes', async () => {
    const client = await connect({});
    expect(client.getInstructions()).toContain('provider of its model');
    expect((await client.listPrompts()).prompts).toEqual([
      {
        name: 'claims/triage',
        description: expect.stringContaining('version 3. Opened on this machine; its text goes to this host'),
        arguments: [
          { name: 'claim', description: 'at most 9 characters', required: true },
          { name: 'who', description: 'at most 9 characters', required: false },
        ],
      },
    ]);
  });

  it('are filled in; instructions are told as the user\u2019s, for the protocol has none', async () => {
    const client = await connect({});
    const { messages } = await client.getPrompt({ name: 'claims/triage', arguments: { claim: '{{who}}' } });
    expect(messages).toEqual([
      { role: 'user', content: { type: 'text', text: 'Be brief.' } },
      { role: 'user', content: { type: 'text', text: 'Sort {{who}} for Ada' } },
      { role: 'assistant', content: { type: 'text', text: 'Yes.' } },
    ]);
  });

  it('are not shown by a vault that lists more than was asked for [guard: mcp-listed-allowed]', async () => {
    const client = await connect({ listed: ['secret/plan'] });
    expect((await client.listPrompts()).prompts).toEqual([]);
  });

  it.each([
    ['is not sealed to this device', problem('forbidden', { kind: 'unsealed', name: 'x', versions: [1] })],
    ['does not bear the label', problem('label_not_found')],
  ])('are not shown where one %s', async (_name, error) => {
    const client = await connect({ read: () => Promise.reject(error) });
    expect((await client.listPrompts()).prompts).toEqual([]);
  });

  it('are not listed at all where one is not what was signed', async () => {
    const client = await connect({ read: () => Promise.reject(problem('envelope_tampered')) });
    await expect(client.listPrompts()).rejects.toThrow('envelope_tampered');
  });

  it.each([
    ['of another name [guard: mcp-name-allowed]', 'secret/plan', {}, 'no prompt of this name is shown here'],
    ['without a variable [guard: mcp-variable-missing]', 'claims/triage', {}, 'the variable claim is missing'],
    ['with one too long [guard: mcp-variable-length]', 'claims/triage', { claim: `${CANARY}long` }, 'claim has more'],
    ['with one that it does not have', 'claims/triage', { claim: 'x', [CANARY]: 'y' }, 'it has claim, who'],
  ])('are refused %s', async (_name, name, given, expected) => {
    const client = await connect({});
    const error = await client.getPrompt({ name, arguments: { ...given } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: -32_602, message: expect.stringContaining(expected) });
    expect(String(error)).not.toContain(CANARY);
  });
});

describe('run_prompt', () => {
  it('is the only tool, and tells a verified answer', async () => {
    const client = await connect({});
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['run_prompt']);
    const told = await run(client, { arguments: { name: 'claims/triage', variables: { claim: 'x' } } });
    expect(told.structuredContent).toEqual({
      text: 'sorted',
      verified: true,
      prompt: 'claims/triage',
      version: 3,
      model: 'small',
      responder: 'urn:bulla:acme:responder:local',
    });
    expect(told.content).toEqual([
      { type: 'text', text: 'sorted' },
      { type: 'text', text: 'verified; no receipt is kept' },
    ]);
  });

  it('names no receipt of an answer that may not have been kept', async () => {
    const keeper = (unsure: boolean): McpKeeper => ({
      newId: () => 'rcp_1',
      keep: () => Promise.resolve(),
      isUnsure: () => unsure,
    });
    const given = { arguments: { name: 'claims/triage' } };
    const [kept, unsure] = [await connect({}, keeper(false)), await connect({}, keeper(true))];
    expect((await run(kept, given)).structuredContent).toMatchObject({ receipt_id: 'rcp_1' });
    expect((await run(unsure, given)).structuredContent).not.toHaveProperty('receipt_id');
  });

  it.each([
    ['another tool', { name: 'other', arguments: {} }],
    ['a name that is not allowed', { arguments: { name: 'secret/plan' } }],
    ['no name', { arguments: {} }],
    ['a variable that is no text', { arguments: { name: 'claims/triage', variables: { claim: 1 } } }],
    ['a member that there is not', { arguments: { name: 'claims/triage', [CANARY]: 1 } }],
  ])('refuses %s', async (_name, given) => {
    const client = await connect({});
    const error = await run(client, given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: -32_602 });
    expect(String(error)).not.toContain(CANARY);
  });

  it('tells what went wrong by its code, as an error of the protocol', async () => {
    const client = await connect({ run: () => Promise.reject(problem('stream_truncated')) });
    await expect(run(client, { arguments: { name: 'claims/triage' } })).rejects.toMatchObject({
      code: -32_603,
      message: expect.stringContaining('stream_truncated: why'),
      data: { code: 'stream_truncated', retryable: false },
    });
  });

  it('tells nothing of an error that nobody wrote for others [guard: mcp-error-words]', async () => {
    const client = await connect({ run: () => Promise.reject(new Error(CANARY)) });
    const error = await run(client, { arguments: { name: 'claims/triage' } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: -32_603, message: expect.stringContaining('something failed here') });
  });
});
