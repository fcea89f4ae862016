import { describe, expect, it } from '@jest/globals';
import { keptLines } from './kept-text.js';

type Statement = Parameters<typeof keptLines>[0];

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
    expect(keptLines(statement)).toEqual([
      '# system',
      '| Be kind.',
      '# user',
      '| {{claim}}',
      'may be run by grp:support, grp:testers; read by nobody',
    ]);
  });

  it('says that there are files which cannot be seen', () => {
    const attachments = [{ id: 'policy.pdf', size: 48_213, key: 'secret', hash: 'hash' }];
    const lines = keptLines({ ...statement, attachments });
    expect(lines).toContain('with the attachment policy.pdf of 48213 bytes, not shown here');
    expect(lines.join('\n')).not.toContain('secret');
  });
});
