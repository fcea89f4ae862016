import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { repository, workspaces } from '../../scripts/workspaces.mjs';

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const text = readFileSync(`${repository}/docs/decisions/2026-11-25-dependencies.md`, 'utf8');
const rows = [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, name = '', users = '', licence = '', why = '']) => ({ name, users, licence, why }),
);

describe('dependencies', () => {
  it('are all in the decision record, and nothing else is', () => {
    const declared = ['.', ...workspaces().map(({ folder }) => folder)].flatMap(declaredIn);
    expect(new Set(rows.map(({ name }) => name))).toEqual(new Set(declared));
    expect(rows.length).toBe(new Set(declared).size);
  });

  it('name the workspaces that use them', () => {
    for (const { name, users } of rows) {
      const declaring = workspaces().filter(({ folder }) => declaredIn(folder).includes(name));
      const named = users.split(', ');
      const missing = declaring.filter((user) => !named.includes(user.name) && !named.includes(user.group));
      expect({ name, missing }).toEqual({ name, missing: [] });
    }
  });

  it('carry the licence that the record says', () => {
    const { packages } = JSON.parse(readFileSync(`${repository}/package-lock.json`, 'utf8')) as {
      packages: Record<string, { license?: string }>;
    };
    const recorded = rows.map(({ name, licence }) => [name, licence]);
    expect(recorded).toEqual(rows.map(({ name }) => [name, packages[`node_modules/${name}`]?.license]));
  });

  it.each(rows)('$name has a reason', ({ why }) => expect(why.trim().length).toBeGreaterThan(7));
});

function declaredIn(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(`${repository}/${folder}/package.json`, 'utf8')) as Manifest;
  const names = Object.keys({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  });
  return names.filter((name) => !name.startsWith('@bulla/'));
}
