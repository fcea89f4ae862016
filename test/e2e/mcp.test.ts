import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Bulla } from '@bulla/client';
import { connectionOf, Home } from '@bulla/client/node';
import { AllowedNames, createMcpServer } from '@bulla/mcp';
import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../bulla-command.js';
import { environment } from '../bulla-process.js';
import { succeed } from './stories/second-person.js';

// `bulla mcp` as a host starts it: a process that it talks with on standard input and output, by the protocol's own SDK.

const PROGRAM = resolve(import.meta.dirname, '../../packages/cli/bin/bulla.js');
const CANARY = 'canary of a claim';
const PROMPT = '---\nvars:\n  claim: {}\n---\nSort this claim: {{claim}}\n';

let folder: string;
let settings: Readonly<Record<string, string>>;
let fake: FakeOpenai;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-mcp-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  fake = await startFakeOpenai({ replies: { tokens: ['It is ', 'urgent.'] } });
  running = await startUp({ ...settings, BULLA_LLM: `openai:${fake.url}`, BULLA_LLM_MODEL: 'small' });
  for (const name of ['claims/triage', 'claims/answer', 'secret/plan'])
    await succeed(['prompt', 'push', name, '-f', '-', '--label', 'production'], settings, PROMPT);
});
afterAll(async () => {
  await running.stop();
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Host {
  readonly client: Client;
  readonly stderr: () => string;
}

/** A host that starts the command, does something with it, and ends it. */
async function withHost<Value>(args: readonly string[], work: (host: Host) => Promise<Value>): Promise<Value> {
  const env = Object.fromEntries(
    Object.entries(environment(settings)).filter((one): one is [string, string] => one[1] !== undefined),
  );
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [PROGRAM, 'mcp', ...args],
    env,
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr?.on('data', (part: Buffer) => (said += part.toString()));
  const faults: Error[] = [];
  const client = new Client({ name: 'test', version: '1' });
  try {
    Object.assign(client, { onerror: (error: Error) => faults.push(error) });
    await client.connect(transport);

    const value = await work({ client, stderr: () => said });
    // Every line on standard output was a message of the protocol.
    expect(faults).toEqual([]);
    return value;
  } finally {
    await client.close();
  }
}

describe('a host', () => {
  it('sees the allowed prompts with their variables, opens one, runs one, and its receipt can be verified', async () => {
    const told = await withHost(['--allow', 'claims/*'], async ({ client, stderr }) => {
      const { prompts } = await client.listPrompts();
      expect(prompts.map(({ name, arguments: variables }) => [name, variables?.map((one) => one.name)])).toEqual([
        ['claims/answer', ['claim']],
        ['claims/triage', ['claim']],
      ]);
      expect(prompts[0]?.description).toContain('provider of its model');
      expect(stderr()).toContain('shown to this host: claims/*');
      expect(stderr()).toContain('provider of its model');
      const { messages } = await client.getPrompt({ name: 'claims/triage', arguments: { claim: CANARY } });
      expect(messages).toEqual([
        { role: 'user', content: { type: 'text', text: expect.stringContaining(`Sort this claim: ${CANARY}`) } },
      ]);
      expect(fake.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toEqual([]);
      return client.callTool({
        name: 'run_prompt',
        arguments: { name: 'claims/triage', variables: { claim: CANARY } },
      });
    });
    expect(told.structuredContent).toMatchObject({ text: 'It is urgent.', verified: true, prompt: 'claims/triage' });
    expect(fake.receivedBytes.toString()).toContain(CANARY);
    const { receipt_id: id } = told.structuredContent as { readonly receipt_id: string };
    const { status, stdout } = await bulla(['verify', id], settings);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('VALID') });
  });

  it('gets an error of the protocol for what is not shown, and the responder is not asked', async () => {
    const before = fake.requests.length;
    await withHost(['--allow', 'claims/triage'], async ({ client }) => {
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['claims/triage']);
      for (const name of ['secret/plan', 'claims/answer', 'nothing/here']) {
        await expect(client.getPrompt({ name, arguments: { claim: 'x' } })).rejects.toMatchObject({ code: -32_602 });
        const given = { name: 'run_prompt', arguments: { name, variables: { claim: 'x' } } };
        await expect(client.callTool(given)).rejects.toMatchObject({ code: -32_602 });
      }
      const given = { name: 'run_prompt', arguments: { name: 'claims/triage', variables: {} } };
      await expect(client.callTool(given)).rejects.toMatchObject({
        code: -32_602,
        data: { code: 'variable_missing', errors: [{ message: 'claim is missing' }] },
      });
    });
    expect(fake.requests).toHaveLength(before);
  });

  it('gets an error, and none of the words, of an answer that somebody changed on its way', async () => {
    const tampering: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input instanceof Request ? input.url : input).endsWith('/invocations')) return response;
      const reply = (await response.json()) as { frames: string[] };
      const [frame = ''] = reply.frames;
      reply.frames[0] = `${frame.slice(0, -8)}${frame.at(-8) === 'A' ? 'B' : 'A'}${frame.slice(-7)}`;
      return new Response(JSON.stringify(reply), response);
    };
    const sdk = await Bulla.connect({ ...(await connectionOf(new Home(settings['BULLA_HOME']))), fetch: tampering });
    const { server } = createMcpServer({ bulla: sdk, allowed: new AllowedNames(['claims/*']), version: '0' });
    const [near, far] = InMemoryTransport.createLinkedPair();
    const client = new Client({ name: 'test', version: '1' });
    await Promise.all([server.connect(far), client.connect(near)]);
    const given = { name: 'run_prompt', arguments: { name: 'claims/triage', variables: { claim: CANARY } } };
    const error = await client.callTool(given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: -32_603, data: { code: 'open_failed' } });
    expect(String(error)).not.toMatch(/urgent|canary/);
    await client.close();
    await sdk.close();
  });
});

describe('the command', () => {
  it.each([
    ['without a name', [], 'no name is allowed'],
    ['with a rule that is none', ['--allow', '*'], 'a rule is the name'],
  ])('does not start %s', async (_name, args, expected) => {
    const { status, stdout, stderr } = await bulla(['mcp', ...args], settings);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(expected);
  });

  it('answers what is no message with an error and goes on, and ends with its host', async () => {
    const lines = ['no JSON', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })];
    const { status, stdout } = await bulla(['mcp', '--allow', 'claims/triage'], settings, `${lines.join('\n')}\n`);
    expect(status).toBe(0);
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(told).toContainEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });
});
