import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { repository } from '../../scripts/workspaces.mjs';

// What is known of a problem stands in one record (packages/contract/src/http/problem-record.ts). What goes by it is typed by
// its codes, so that a code which is forgotten somewhere does not compile.

const RECORD = `${repository}/packages/contract/src/http/problem-record.ts`;
const HINTS = `${repository}/packages/cli/src/output/hints.ts`;
const EXITS = `${repository}/packages/cli/src/output/exit-code.ts`;
const ERRORS = `${repository}/packages/client/src/connection/errors.ts`;

/** What the compiler says of some files while others read as they are given. */
function complaints(files: readonly string[], replaced: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(`${repository}/tsconfig.base.json`, (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, lib: ['es2024', 'dom', 'dom.iterable'], noEmit: true, composite: false },
    repository,
  );
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target, ...rest) => {
    const text = replaced.get(name);
    return text === undefined ? read(name, target, ...rest) : ts.createSourceFile(name, text, target, true);
  };
  const program = ts.createProgram([...files], options, host);
  return files.flatMap((file) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
  );
}

const record = readFileSync(RECORD, 'utf8');
const planted = (entry: string, before = '  unauthenticated: {') => record.replace(before, `${entry}\n${before}`);
const WHOLE = `  planted: { status: 400, retryable: false, exit: 'error', title: 'Planted.' },`;

describe('the record of problems', () => {
  it('compiles as it stands', () => expect(complaints([RECORD, HINTS, EXITS, ERRORS], new Map())).toEqual([]));

  it('has a code that the command has no hint for: it does not compile', () => {
    const said = complaints([RECORD, HINTS], new Map([[RECORD, planted(WHOLE)]]));
    expect(said).toEqual([expect.stringContaining(`Property 'planted' is missing`)]);
  });

  it('has a code of which something is not said: it does not compile', () => {
    const members = ['exit', 'status', 'retryable', 'title'];
    const without = members.map((member) =>
      WHOLE.replace('planted', `planted_${member}`).replace(new RegExp(`(?<!_)${member}: [^,}]+,? ?`), ''),
    );
    const said = complaints([RECORD], new Map([[RECORD, planted(without.join('\n'))]])).join('\n');
    for (const member of members) expect(said).toContain(`Property '${member}' is missing`);
  });

  it('has an exit code that the command does not know: it does not compile', () => {
    const exits = readFileSync(EXITS, 'utf8').replace('  notReady: 9,\n', '');
    expect(complaints([EXITS], new Map([[EXITS, exits]])).join('\n')).toContain(`'notReady'`);
  });
});
