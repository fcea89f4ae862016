import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { blocksOf } from './console-blocks.js';
import { faultsOf } from './named-command.js';

// Without a Docker engine: that the page about Compose names services, programs, commands and options that there are.

const repository = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const page = read('docs/guide/deploy.md');
const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
  services: Record<string, { image?: string; entrypoint?: readonly string[] }>;
};

interface Called {
  readonly line: string;
  readonly verb: string;
  readonly services: readonly string[];
  /** What runs in the container, where the command says it. */
  readonly program: string | undefined;
  readonly args: readonly string[];
}

/** What is typed of a line: without what its shell does, and what stands behind it. */
function called(line: string): Called {
  const words = line
    .replace(/ +#.*/, '')
    .replaceAll(/'[^']*'/g, 'text')
    .replaceAll(/ [<>] *\S+/g, '')
    .trim()
    .split(/ +/)
    .slice(2);
  const [verb = '', ...rest] = words;
  const entrypoint = /--entrypoint (\S+)/.exec(line)?.[1];
  const options = rest.findIndex((word, at) => !word.startsWith('-') && rest[at - 1] !== '--entrypoint');
  const after = options < 0 ? [] : rest.slice(options);
  if (verb !== 'run' && verb !== 'exec')
    return { line, verb, services: after.filter((word) => !word.startsWith('-')), program: undefined, args: [] };
  const [service = '', ...args] = after;
  const isCommand = services[service]?.image === 'bulla-cli' && services[service].entrypoint === undefined;
  const program = verb === 'exec' ? args[0] : (entrypoint ?? (isCommand ? 'bulla' : undefined));
  return { line, verb, services: [service], program, args: program === args[0] ? args.slice(1) : args };
}

const lines = [
  ...blocksOf(page).flatMap(({ commands }) => commands.map(({ command }) => command)),
  ...[...page.matchAll(/`(docker compose [^`]+)`/g)].map(([, inline = '']) => inline),
].filter((line) => line.startsWith('docker compose ') && !line.includes('…'));

describe('docs/guide/deploy.md', () => {
  it('calls services that compose.yaml has', () => {
    expect(lines.length).toBeGreaterThan(25);
    const unknown = lines.map(called).filter((one) => one.services.some((name) => services[name] === undefined));
    expect(unknown.map(({ line }) => line)).toEqual([]);
    expect(called('docker compose run --rm -T moon demo < a.md').services).toEqual(['moon']);
  });

  it('calls programs that the images have, and commands of bulla with options that they take', async () => {
    const run = lines.map(called).filter(({ program }) => program !== undefined);
    const programs = new Set(run.map(({ program }) => program));
    expect(programs).toEqual(new Set(['bulla', 'pg_dump', 'pg_restore', 'rm', 'sh', 'tar']));
    const faults = [];
    for (const { line, program, args } of run)
      if (program === 'bulla') faults.push(...(await faultsOf(args)).map((fault) => `${line}: ${fault}`));
    expect(faults).toEqual([]);
    expect(await faultsOf(['trust', 'renew', '--moon'])).toEqual(['trust renew has no --moon']);
    expect(await faultsOf(['moon'])).toEqual(['there is no command moon']);
  });

  it('names every setting of the model that the example has', () => {
    const example = [...read('deploy/example.env').matchAll(/^(LLM\w*)=/gm)].map(([, name = '']) => name);
    expect(example.filter((name) => !page.includes(`\`${name}=`))).toEqual([]);
  });
});
