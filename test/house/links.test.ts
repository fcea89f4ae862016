import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const pages = sourceFiles().filter((file) => file.endsWith('.md') && !/\/vectors\/.+\//.test(file));

describe('documentation', () => {
  it.each(pages)('%s links only to what is there', (page) => {
    expect(brokenLinks(page, readFileSync(`${repository}/${page}`, 'utf8'))).toEqual([]);
  });

  it('would notice a link to nothing', () => {
    const text =
      '[a](README.md) [b](../README.md#two-commands) [c](gone.md) [d](https://example.org/gone.md) [e](#here)';
    expect(brokenLinks('README.md', text)).toEqual(['../README.md', 'gone.md']);
    expect(brokenLinks('docs/a.md', text)).toEqual(['README.md', 'gone.md']);
  });

  it.each(pages)('%s names only scripts that `npm run` has', (page) => {
    expect(missingScripts(readFileSync(`${repository}/${page}`, 'utf8'))).toEqual([]);
  });

  it('would notice a script that is none', () => {
    expect(missingScripts('`npm run bench:load -- x`, `npm run gone:too` and npm run check.')).toEqual(['gone:too']);
  });
});

function missingScripts(text: string): string[] {
  const { scripts } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8')) as { scripts: object };
  const named = [...text.matchAll(/\bnpm run (?:-s )?([a-z]+(?::[a-z]+)*)/g)].map(([, name = '']) => name);
  return named.filter((name) => !Object.hasOwn(scripts, name));
}

/** Relative links of a page whose target is not in the repository; anchors are left aside. */
function brokenLinks(page: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^()\s#]+)(?:#[^()\s]*)?\)/g)].map(([, target = '']) => target);
  const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
  return relative.filter((target) => {
    const path = join(dirname(page), target);
    return path.startsWith('..') || !existsSync(join(repository, path));
  });
}
