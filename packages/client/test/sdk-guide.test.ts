import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANSWER_CHECKS } from '@bulla/crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import * as node from '../src/node/index.js';
import { examplesOf, runExample } from './run-example.js';
import type { World } from './world.js';
import { makeWorld, WallClock } from './world.js';

const PAGE = new URL('../../../docs/guide/sdk.md', import.meta.url);
/** What the guide prints of each check up to the one that fails. */
const CHECKS = ANSWER_CHECKS.slice(0, ANSWER_CHECKS.indexOf('text') + 1).map((name) => {
  const state = name === 'text' ? 'failed' : name === 'question' ? 'not_looked_for' : 'passed';
  return expect.arrayContaining([name, state]);
});
let world: World;
let folder: string;
beforeEach(async () => {
  world = await makeWorld({}, new WallClock());
  folder = await mkdtemp(join(tmpdir(), 'bulla-sdk-'));
});
afterEach(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

it('the examples of the guide to the SDK run one after the other and print what they say', async () => {
  const home = new node.Home(folder);
  await home.write(node.IDENTITY, JSON.stringify(world.organisation.owner.keyFile));
  await node.writeProfile(home, { vaultUrl: world.vault.service.url, org: 'acme', pin: world.organisation.pin });
  const examples = examplesOf(await readFile(PAGE, 'utf8'));
  expect(examples.length).toBeGreaterThan(6);
  const lines: unknown[][] = [];
  let streamed = '';
  await runExample(examples.join('\n'), {
    console: { log: (...words: unknown[]) => lines.push(words), warn: (...words: unknown[]) => lines.push(words) },
    process: {
      env: { BULLA_HOME: folder },
      stdout: {
        write: (text: string) => {
          streamed += text;
        },
      },
    },
  });
  expect(streamed).toBe('The roof is gone.');
  expect(lines).toEqual([
    [1, true, ['production']],
    [1, false],
    ['Water came through the ceiling.', 5, 1],
    [true],
    [expect.stringMatching(/^VALID as of /)],
    [true, 'claims/triage'],
    ['REFUSED', 'envelope_tampered', 'text'],
    ...CHECKS,
    [1],
    [1, 'How urgent, from 1 to 5? {{claim}}'],
    ['How urgent, from 1 to 5? {{claim}}', world.organisation.owner.urn],
    [[2, 1]],
    ['claims/triage'],
    ['not_found', 'client', false],
  ]);
});
