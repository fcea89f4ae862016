import { Command } from 'commander';
import { describe, expect, it } from '@jest/globals';
import { escaped, manPage, withPages } from './man-page.js';

describe('escaped', () => {
  it.each([
    ['--json', '\\-\\-json'],
    ['a\\b', 'a\\(rsb'],
    ["it's `x^y~z`", 'it\\(aqs \\(gax\\(hay\\(tiz\\(ga'],
    ['"…" – 😀', '\\(dq\\[u2026]\\(dq \\[u2013] \\[u1F600]'],
    ['.PP', '.PP'],
  ])('%j is %j', (plain, roff) => expect(escaped(plain)).toBe(roff));
});

describe('manPage', () => {
  const program = new Command('tool').description('a tool').exitOverride();
  program
    .command('do <what>')
    .description("does it, 'quickly'")
    .option('--how <way>', '.TH is no way')
    .addHelpText(
      'after',
      '\nIt is done:\n  .at once\n    deeper\n.and not later.\n\n.Ask.\n\nExamples:\n  $ tool do \\n\n\nNot this one:\n  $ tool',
    );
  program.command('hidden', { hidden: true });
  const { file, roff } = manPage(program.commands[0] ?? program, '1.2.3');

  it('has a section for each part of help', () => {
    expect(file).toBe('tool-do.1');
    expect(roff.split('\n').filter((line) => /^\.(TH|SH)/.test(line))).toEqual([
      '.TH TOOL\\-DO 1 "" bulla\\-1.2.3 Bulla',
      '.SH NAME',
      '.SH SYNOPSIS',
      '.SH DESCRIPTION',
      '.SH OPTIONS',
      '.SH EXAMPLES',
      '.SH SEE ALSO',
    ]);
    expect(roff).toContain('\n.SH NAME\ntool\\-do \\- does it, \\(aqquickly\\(aq\n');
  });

  it('keeps lines that are indented, and takes no line of help for a request', () => {
    expect(roff).toContain(
      '\nIt is done:\n.RS 2\n.EX\n\\&.at once\n\\&  deeper\n.EE\n.RE\n.PP\n\\&.and not later.\n.PP\n\\&.Ask.\n',
    );
    expect(roff).toContain('\n\\fB\\-\\-how <way>\\fR\n\\&.TH is no way\n');
    expect(roff).toContain('\n.SH EXAMPLES\n.RS 2\n.EX\n$ tool do \\(rsn\n.EE\n.RE\n');
  });

  it('is there for every command that help shows', () => {
    expect(withPages(program).map((command) => command.name())).toEqual(['tool', 'do']);
  });
});
