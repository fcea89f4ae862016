import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as node from '../src/node/index.js';
import { examplesOf, runExample } from './run-example.js';
import type { World } from './world.js';
import { makeWorld, WallClock } from './world.js';

let world: World;
let folder: string;
beforeEach(async () => {
  world = await makeWorld({}, new WallClock());
  folder = await mkdtemp(join(tmpdir(), 'bulla-readme-'));
});
afterEach(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the example in the README', () => {
  it('is ten lines or so that push, run, stream and verify', async () => {
    const home = new node.Home(folder);
    await home.write(node.IDENTITY, JSON.stringify(world.organisation.owner.keyFile));
    await node.writeProfile(home, { vaultUrl: world.vault.service.url, org: 'acme', pin: world.organisation.pin });
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [code = ''] = examplesOf(readme);
    expect(code.split('\n').filter((line) => line !== '' && !line.startsWith('import')).length).toBeLessThanOrEqual(11);
    const lines: unknown[][] = [];
    let streamed = '';
    const write = (text: string) => {
      streamed += text;
    };
    await runExample(code, {
      console: { log: (...words: unknown[]) => lines.push(words) },
      process: { env: { BULLA_HOME: folder }, stdout: { write } },
    });
    expect(lines[0]).toEqual(['Water came through the ceiling.', 5, world.organisation.responders[0].urn]);
    expect(streamed).toBe('The roof is gone.\n');
    expect(lines[1]?.[0]).toMatch(/^VALID as of /);
  });
});
