import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Io } from '../io.js';
import { readParameters } from './run-parameters.js';

const io = { signal: new AbortController().signal } as Io;

it('reads what is JSON as JSON, and everything else as text, also from a file', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'bulla-parameters-')), 'tools.json');
  const tools = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } }];
  await writeFile(file, JSON.stringify(tools));
  const set = ['stop=END', 'seed=7', 'verbosity=low', 'logprobs=true', `tools=@${file}`, 'reasoning_effort=high'];
  expect(await readParameters(io, { temperature: '0.5', set })).toEqual({
    temperature: 0.5,
    stop: 'END',
    seed: 7,
    verbosity: 'low',
    logprobs: true,
    reasoning_effort: 'high',
    tools,
  });
});

it('is undefined where nothing is set', async () => {
  expect(await readParameters(io, {})).toBeUndefined();
});

it.each<[string, string[], string]>([
  ['a name that is close', ['top-p=1'], '--set: unknown parameter top-p, did you mean top_p?'],
  ['no value', ['seed'], '--set seed: expected name=value'],
  ['a value of another type', ['seed=secret'], '--set seed: expected a whole number'],
  ['a parameter twice', ['seed=1', 'seed=2'], 'the parameter seed is set twice'],
  ['tools that are none', ['tools=secret'], '--set tools: expected a list of tools'],
])('refuses %s', async (_name, set, message) => {
  const refused = readParameters(io, { set });
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.not.toThrow('secret');
});
