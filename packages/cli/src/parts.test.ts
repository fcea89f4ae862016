import { Command } from 'commander';
import { describe, expect, it } from '@jest/globals';
import { Context } from './context.js';
import { PARTS, partsFor } from './parts.js';

const context = new Context({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: {},
  signal: new AbortController().signal,
  fetch,
  load: () => Promise.reject(new Error('nothing is loaded')),
});

describe('the parts of the program', () => {
  it.each(PARTS.filter(({ names }) => names.length > 0))(
    'add the commands that they are loaded for: $names',
    async (part) => {
      // As the whole program has it: what follows a command may be another program's.
      const program = new Command().enablePositionalOptions();
      (await part.load())(program, context, '1.2.3');
      expect(program.commands.map((command) => command.name())).toEqual(part.names);
    },
  );

  it('are loaded alone where a command line begins with one of them, and all of them for anything else', () => {
    expect(partsFor(['open', '--key', 'a.pem'])).toEqual([expect.objectContaining({ names: ['seal', 'open'] })]);
    for (const argv of [
      [],
      ['help', 'run'],
      ['completion', 'bash'],
      ['__complete', 'r'],
      ['man'],
      ['rum'],
      ['--json', 'run'],
    ])
      expect(partsFor(argv)).toEqual(PARTS);
  });
});
