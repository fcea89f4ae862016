import { describe, expect, it } from '@jest/globals';
import { keptText } from './kept-text.js';

type Statement = Parameters<typeof keptText>[0];

const statement = {
  content: {
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: '{{claim}}' },
    ],
  },
  acl: { invoke: ['grp:support', 'grp:testers'], read: [], responders: [] },
  attachments: [],
} as unknown as Statement;

describe('a version that may be kept', () => {
  it('is shown with its text and its rights', () => {
    expect(keptText(statement)).toBe(
      '# system\nBe kind.\n# user\n{{claim}}\nmay be run by grp:support, grp:testers; read by nobody\n',
    );
  });

  it('says that there are files which cannot be seen', () => {
    const attachments = [{ id: 'policy.pdf', size: 48_213, key: 'secret', hash: 'hash' }];
    const text = keptText({ ...statement, attachments });
    expect(text).toContain('\nwith the attachment policy.pdf of 48213 bytes, not shown here\n');
    expect(text).not.toContain('secret');
  });
});
