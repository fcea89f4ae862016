import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { PEERS } from './peers.js';

const FOLDER = 'bench/crypto/peers';
const read = (file: string) => readFileSync(`${repository}/${file}`, 'utf8');
const { dependencies } = JSON.parse(read(`${FOLDER}/package.json`)) as { dependencies: Record<string, string> };
const { packages } = JSON.parse(read(`${FOLDER}/package-lock.json`)) as {
  packages: Record<string, { version?: string; license?: string; integrity?: string; resolved?: string }>;
};
const ofRoot = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { dependencies?: Record<string, string> }>;
};

describe('the peers of the bench', () => {
  it('are all declared, with exact versions, and nothing else is', () => {
    expect(Object.keys(dependencies).toSorted()).toEqual([...PEERS].toSorted());
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('have a lock file without download addresses and with a hash for every package', () => {
    const installed = Object.entries(packages).filter(([path]) => path !== '');
    expect(installed.length).toBeGreaterThan(PEERS.length);
    expect(installed.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    expect(read(`${FOLDER}/.npmrc`)).toBe(read('.npmrc'));
  });

  it('are in the decision record with their licences', () => {
    const text = read('docs/decisions/2026-11-25-dependencies.md');
    const [, section = ''] = text.split(/^## For one bench$/m);
    const [own = ''] = section.split(/^## /m);
    const recorded = [...own.matchAll(/^\| `([^`]+)` \| ([^|]+) \| [^|]{8,} \|$/gm)].map(([, name, licence]) => [
      name,
      licence,
    ]);
    expect(recorded).toEqual(PEERS.map((name) => [name, packages[`node_modules/${name}`]?.license]));
  });

  it('measure the very jose that Bulla uses', () => {
    expect(dependencies['jose']).toBe(ofRoot.packages['packages/crypto']?.dependencies?.['jose']);
  });

  it('are no part of what the repository installs', () => {
    const others = PEERS.filter((name) => name !== 'jose');
    expect(others.filter((name) => `node_modules/${name}` in ofRoot.packages)).toEqual([]);
    expect(sourceFiles().filter((file) => file.startsWith(`${FOLDER}/node_modules/`))).toEqual([]);
  });
});
