import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asDeployed } from '../../bench/world.js';

// What a responder must find in its environment before it starts is written in several places, which say the same.

const repository = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

/** Settings of the C library in a text, without those that only refer to what is set already. */
const tunablesIn = (text: string): string[] =>
  [...text.matchAll(/GLIBC_TUNABLES(?:=|: ?)(?:\\?"\$\{GLIBC_TUNABLES:-)?["']?([\w.=:]+)/g)].map(
    ([, value = '']) => value,
  );
/** Which of the variables that count before a start are set in a text. */
const variablesIn = (text: string): string[] =>
  ['GLIBC_TUNABLES', 'UV_THREADPOOL_SIZE'].filter((name) => new RegExp(`\\b${name}=`).test(text));

const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
const start = scripts['start'] ?? '';
/** The start line of a bare responder, as the page shows it. */
const page = /```sh\n(GLIBC_TUNABLES=[^`]*responder[^`]*)```/.exec(read('docs/guide/deploy.md'))?.[1] ?? '';

describe('what the responder needs before it starts', () => {
  it.each([
    ['image', read('deploy/responder.Dockerfile')],
    ['unit', read('deploy/bulla-responder.service')],
    ['start line of the page', page],
  ])('is in the %s what `npm start` sets', (_name, text) => {
    expect(tunablesIn(start)).toHaveLength(1);
    expect(tunablesIn(text)).toEqual(tunablesIn(start));
    expect(variablesIn(text)).toEqual(variablesIn(start));
    expect(variablesIn(text)).toEqual(['GLIBC_TUNABLES', 'UV_THREADPOOL_SIZE']);
  });

  it.each(['vault', 'responder'] as const)('is what the bench starts a %s with', (name) => {
    const set = [...read(`deploy/${name}.Dockerfile`).matchAll(/\b(NODE_OPTIONS|GLIBC_TUNABLES)=(\S+)/g)];
    const image = Object.fromEntries(set.map(([, variable = '', value]) => [variable, value]));
    const { UV_THREADPOOL_SIZE: _cores, ...deployed } = asDeployed(name);
    // V8 takes half of what it sees, and Compose says how much that is.
    expect(deployed).toEqual({ ...image, NODE_OPTIONS: `${image['NODE_OPTIONS']} --max-old-space-size=256` });
    expect(read('deploy/compose.yaml')).toContain('mem_limit: 512m');
  });

  it('is not undone by Compose, which sets nothing over the image', () => {
    const compose = read('deploy/compose.yaml');
    expect(compose).toContain('dockerfile: deploy/responder.Dockerfile');
    expect(compose).not.toMatch(/GLIBC_TUNABLES|UV_THREADPOOL_SIZE/);
  });

  it('is found missing where it is', () => {
    expect(tunablesIn('ENV NODE_ENV=production')).toEqual([]);
    expect(tunablesIn('Environment=GLIBC_TUNABLES=glibc.malloc.perturb=0')).toEqual(['glibc.malloc.perturb=0']);
    expect(variablesIn('UV_THREADPOOL_SIZE=2 node main.js')).toEqual(['UV_THREADPOOL_SIZE']);
  });
});
