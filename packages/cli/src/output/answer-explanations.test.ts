import { readFileSync } from 'node:fs';
import { ANSWER_CHECKS } from '@bulla/crypto';
import { expect, it } from '@jest/globals';
import { EXPLANATIONS } from './answer-explanations.js';

const PAGE = new URL('../../../../docs/spec/evidence.md', import.meta.url);

it('the page of evidence says of each check what --explain says, in the order of the checks', () => {
  const [, table = ''] =
    /## What each check says[\s\S]*?\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  const rows = table.trimEnd().split('\n');
  const said = ANSWER_CHECKS.map((name) => {
    const { checked, against, at, notProved } = EXPLANATIONS[name];
    return `| \`${name}\` | ${checked} | ${against} | ${at} | ${notProved} |`;
  });
  expect(rows).toEqual(said);
});
