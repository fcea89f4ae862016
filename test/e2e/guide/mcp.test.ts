import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { environment } from '../../bulla-process.js';
import { succeed } from '../stories/second-person.js';
import { itKeepsTo } from './guide-page.js';

// The page about hosts: what it tells each of them to start is started as that host would.

const PROGRAM = resolve(import.meta.dirname, '../../../packages/cli/bin/bulla.js');

interface HostSettings {
  readonly servers?: Servers;
  readonly mcpServers?: Servers;
}
type Servers = Readonly<Record<string, { readonly command: string; readonly args: readonly string[] }>>;

let folder: string;
let settings: Readonly<Record<string, string>>;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-hosts-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  running = await startUp(settings);
  await succeed(['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'], settings, 'Say hello.\n');
});
afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

async function namesShown(args: readonly string[]): Promise<string[]> {
  const env = Object.entries(environment(settings)).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [PROGRAM, ...args],
      env: Object.fromEntries(env) as Record<string, string>,
      stderr: 'ignore',
    }),
  );
  try {
    return (await client.listPrompts()).prompts.map(({ name }) => name);
  } finally {
    await client.close();
  }
}

itKeepsTo({
  path: 'docs/guide/mcp.md',
  says: 'tells three hosts what to start, and it shows the prompts',
  walk: async (page) => {
    for (const nth of [0, 1, 2]) {
      const { servers, mcpServers } = JSON.parse(page.use('json', nth)) as HostSettings;
      const server = (servers ?? mcpServers)?.['bulla'];
      expect(server?.command).toBe('bulla');
      expect(await namesShown(server?.args ?? [])).toEqual(['claims/triage']);
    }
  },
});
