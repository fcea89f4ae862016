import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MESSAGES_MEMBERS } from '../../src/apps/anthropic/messages-members.js';
import { CHAT_MEMBERS, EMBEDDINGS_MEMBERS } from '../../src/apps/openai/chat-members.js';
import type { MemberRule, MemberRules } from '../../src/apps/request-members.js';
import { RESPONSES_MEMBERS } from '../../src/apps/responses/responses-members.js';

const page = readFileSync(new URL('../../../../docs/guide/own-sdk.md', import.meta.url), 'utf8');

/** The rows of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  return section.split('\n').filter((line) => line.startsWith('| `'));
}

function rowsOf(rules: MemberRules): string[] {
  return Object.entries(rules).map(([name, rule]) => `| \`${name}\` | ${rule.is} | ${saidOf(rule)} |`);
}

function saidOf(rule: MemberRule): string {
  const said = rule.is === 'passed' ? rule.how : rule.why;
  const but = rule.is === 'refused' ? (rule.but ?? []) : [];
  return but.length === 0
    ? said
    : `${said} (${but.map((value) => `\`${JSON.stringify(value)}\``).join(', ')} is taken)`;
}

describe('the guide', () => {
  it.each<[string, MemberRules, number]>([
    ['Chat completions', CHAT_MEMBERS, 20],
    ['Embeddings', EMBEDDINGS_MEMBERS, 4],
    ['Responses', RESPONSES_MEMBERS, 20],
    ['Messages', MESSAGES_MEMBERS, 20],
  ])('has every member that a request to %s may have, and what becomes of it', (heading, rules, least) => {
    expect(rowsUnder(heading).length).toBeGreaterThan(least);
    expect(rowsUnder(heading)).toEqual(rowsOf(rules));
  });
});
