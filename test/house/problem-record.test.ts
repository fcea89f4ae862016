import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import { complaints } from './compiled.js';

// What is known of a problem stands in one record (packages/contract/src/http/problem-record.ts). What goes by it is typed by
// its codes, so that a code which is forgotten somewhere does not compile. changes.test.ts plants a code that the
// command has no hint for.

const RECORD = 'packages/contract/src/http/problem-record.ts';
const HINTS = 'packages/cli/src/output/hints.ts';
const EXITS = 'packages/cli/src/output/exit-code.ts';
const ERRORS = 'packages/client/src/connection/errors.ts';

const record = readFileSync(`${repository}/${RECORD}`, 'utf8');
const planted = (entry: string, before = '  unauthenticated: {') => record.replace(before, `${entry}\n${before}`);
const WHOLE = `  planted: { status: 400, retryable: false, exit: 'error', title: 'Planted.' },`;

describe('the record of problems', () => {
  it('compiles as it stands', () => expect(complaints([RECORD, HINTS, EXITS, ERRORS])).toEqual([]));

  it('has a code of which something is not said: it does not compile', () => {
    const members = ['exit', 'status', 'retryable', 'title'];
    const without = members.map((member) =>
      WHOLE.replace('planted', `planted_${member}`).replace(new RegExp(`(?<!_)${member}: [^,}]+,? ?`), ''),
    );
    const said = complaints([RECORD], { [RECORD]: planted(without.join('\n')) }).join('\n');
    for (const member of members) expect(said).toContain(`Property '${member}' is missing`);
  });

  it('has an exit code that the command does not know: it does not compile', () => {
    const exits = readFileSync(`${repository}/${EXITS}`, 'utf8').replace('  notReady: 9,\n', '');
    expect(complaints([EXITS], { [EXITS]: exits }).join('\n')).toContain(`'notReady'`);
  });
});
