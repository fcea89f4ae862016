import { readFileSync } from 'node:fs';
import { responderSettings } from '@bulla/responder';
import { standaloneSettings } from '@bulla/standalone';
import { vaultSettings } from '@bulla/vault';
import { describe, expect, it } from '@jest/globals';
import { configurationPage, PAGE } from '../../scripts/configuration.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const page = readFileSync(`${repository}/${PAGE}`, 'utf8');

describe('the page of settings', () => {
  it('is what the schemas say; if not: npm run docs:configuration', () => {
    expect(configurationPage({ vaultSettings, responderSettings, standaloneSettings })).toBe(page);
  });

  it('has every variable that programs let pass, and no other', () => {
    const source = readFileSync(`${repository}/packages/service-kit/src/process/setting-values.ts`, 'utf8');
    const known = [...source.matchAll(/^ {2}'(BULLA_\w+)',$/gm)].map(([, name]) => name);
    expect(known.length).toBeGreaterThan(20);
    expect([...page.matchAll(/^\| `(BULLA_\w+)`/gm)].map(([, name]) => name)).toEqual(known.toSorted());
  });

  it('is not made of a setting that nobody explains', () => {
    const { BULLA_LLM } = responderSettings;
    const schemas = { vaultSettings, standaloneSettings, responderSettings: { BULLA_NEW: BULLA_LLM } };
    expect(() => configurationPage(schemas)).toThrow('does not say what BULLA_NEW is');
  });
});
