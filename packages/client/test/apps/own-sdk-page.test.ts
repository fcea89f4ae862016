import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MESSAGES_MEMBERS } from '../../src/apps/anthropic/messages-members.js';
import { CHAT_MEMBERS } from '../../src/apps/openai/chat-request.js';
import type { MemberRule, MemberRules } from '../../src/apps/request-members.js';
import { RESPONSES_MEMBERS } from '../../src/apps/responses/responses-members.js';

const page = readFileSync(new URL('../../../../docs/guide/own-sdk.md', import.meta.url), 'utf8');

/** The rows of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  return section.split('\n').filter((line) => /^\| (?:`|passed)/.test(line));
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
  it.each<[string, MemberRules]>([
    ['Responses', RESPONSES_MEMBERS],
    ['Messages', MESSAGES_MEMBERS],
  ])('has every member that a request to %s may have, and what becomes of it', (heading, rules) => {
    expect(rowsUnder(heading).length).toBeGreaterThan(20);
    expect(rowsUnder(heading)).toEqual(rowsOf(rules));
  });

  it('has the members of chats', () => {
    const listed = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');
    const { passed, passedOver } = CHAT_MEMBERS;
    expect(rowsUnder('Chat completions')).toEqual([
      `| passed | ${listed(passed)} |`,
      `| passed over | ${listed(passedOver)} |`,
    ]);
  });
});
