import { describe, expect, it } from '@jest/globals';
import { guardsIn, withoutGuard } from '../../scripts/guards/guards-in.mjs';

/** The text without its one guard, on one line and without comments. */
function withoutIts(text: string): string {
  const { guards, errors } = guardsIn('x.ts', text);
  expect(errors).toEqual([]);
  expect(guards.map(({ name, file }) => [name, file])).toEqual([['g', 'x.ts']]);
  return oneLine(guards.map((guard) => withoutGuard(text, guard)).join(''));
}

function oneLine(text: string): string {
  return text
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const errorsIn = (text: string) => guardsIn('x.ts', text).errors;

describe('a guard before a statement', () => {
  it.each([
    ['a call', '// guard: g\na();\nb();', 'b();'],
    ['the first line of a file', '// guard: g\na();', ''],
    ['a condition', '// guard: g\nif (a) throw b;', 'if (false) throw b;'],
    ['a condition with else', '// guard: g\nif (a) b();\nelse c();', 'if (false) b(); else c();'],
    ['a condition after else', 'if (a) b();\n// guard: g\nelse if (c) d();', 'if (a) b(); else if (false) d();'],
    ['what a condition decides about', 'if (a)\n  // guard: g\n  b();', 'if (a) {}'],
    ['a return', 'function f() {\n  // guard: g\n  return a;\n}', 'function f() { }'],
    ['a statement of a case', 'switch (a) {\n  case 1:\n    // guard: g\n    b();\n}', 'switch (a) { case 1: }'],
    ['a loop', '// guard: g\nfor (const a of b) c(a);', ''],
    ['a method', 'class A {\n  // guard: g\n  @b() c() {}\n  d() {}\n}', 'class A { d() {} }'],
    ['a member with a docstring', 'class A {\n  /** Says. */\n  // guard: g\n  a = 1;\n}', 'class A { /** Says. */ }'],
    ['a statement under other comments', '// Why.\n// guard: g\n// So.\na();', ''],
  ])('takes away %s', (_what, text, expected) => expect(withoutIts(text)).toBe(expected));

  it.each([
    ['the statement', '// guard: g without: b();\na();', 'b();'],
    ['several for one', '// guard: g without: b(); c();\na();', 'b(); c();'],
    ['several for one alone', 'if (a)\n  // guard: g without: b(); c();\n  d();', 'if (a) { b(); c(); }'],
    ['a condition', '// guard: g without: if (b)\nif (a) throw c;', 'if (b) throw c;'],
    ['a condition and more', '// guard: g without: if (b) return;\nif (a) throw c;', 'if (b) return;'],
    ['lines that go on', '// guard: g without: b(\n//   c,\n//   d);\na();', 'b( c, d);'],
    ['lines that begin later', '// guard: g without:\n//   b();\n//   c();\na();', 'b(); c();'],
  ])('puts code in place of %s', (_what, text, expected) => expect(withoutIts(text)).toBe(expected));

  it('may stand with others above one statement, and in other guards', () => {
    const text = '// guard: a\n// guard: b without: x();\nif (y) {\n  // guard: c\n  z();\n}';
    const { guards, errors } = guardsIn('x.ts', text);
    expect(errors).toEqual([]);
    expect(
      guards.map((guard) => [guard.name, guard.line, guard.isWritten, oneLine(withoutGuard(text, guard))]),
    ).toEqual([
      ['a', 1, false, 'if (false) { z(); }'],
      ['b', 2, true, 'x();'],
      ['c', 4, false, 'if (y) { }'],
    ]);
  });
});

describe('a guard at the end of a line', () => {
  it.each([
    ['the first operand', 'const a =\n  b && // guard: g\n  c;', 'const a = c;'],
    ['an operand between others', 'if (\n  a ||\n  b || // guard: g\n  c\n)\n  d();', 'if ( a || c ) d();'],
    ['the last operand', 'if (\n  a ||\n  b // guard: g\n)\n  c();', 'if ( a ) c();'],
    ['the last operand before the end', 'const a =\n  b ??\n  c; // guard: g', 'const a = b;'],
    ['an operand of several lines', 'const a =\n  b(\n    c,\n  ) && // guard: g\n  d;', 'const a = d;'],
    ['an element', 'const a = [\n  1, // guard: g\n  2,\n];', 'const a = [ 2, ];'],
    ['the last element', 'const a = [\n  1,\n  [2] // guard: g\n];', 'const a = [ 1 ];'],
    ['a member', 'const a = {\n  b: 1, // guard: g\n  ...c,\n};', 'const a = { ...c, };'],
    ['a spread member', 'const a = {\n  b: 1,\n  ...c, // guard: g\n};', 'const a = { b: 1, };'],
    ['an argument', 'a(\n  b, // guard: g\n  c,\n);', 'a( c, );'],
    ['an argument of new', 'new A(\n  b, // guard: g\n);', 'new A( );'],
    ['a clause', 'a\n  .b()\n  .c(1) // guard: g\n  .d();', 'a .b() .d();'],
    ['the last clause', 'a\n  .b()\n  .c(1); // guard: g', 'a .b();'],
    ['a clause that ends an argument', 'a(\n  b\n    .c(1)\n    .d(2), // guard: g\n);', 'a( b .c(1), );'],
  ])('takes away %s', (_what, text, expected) => expect(withoutIts(text)).toBe(expected));

  it.each([
    ['an operand', 'const a =\n  b && // guard: g without: true\n  c;', 'const a = true && c;'],
    ['a member', 'const a = {\n  b: 1, // guard: g without: b: 2\n};', 'const a = { b: 2, };'],
    ['an argument', 'a(\n  b, // guard: g without: c\n);', 'a( c, );'],
    ['a clause', 'a\n  .b() // guard: g without: .c()\n  .d();', 'a .c() .d();'],
  ])('puts code in place of %s', (_what, text, expected) => expect(withoutIts(text)).toBe(expected));
});

describe('a guard on a line of its own within an expression', () => {
  it.each([
    ['an operand', 'const a =\n  b &&\n  // guard: g\n  c;', 'const a = b;'],
    ['one operand of several', 'f(\n  x,\n  a &&\n    // guard: g\n    b &&\n    c,\n);', 'f( x, a && c, );'],
    ['a row', 'const a = [\n  // guard: g\n  1,\n  2,\n];', 'const a = [ 2, ];'],
    ['a member, replaced', 'const a = {\n  // guard: g without:\n  //   b: 2\n  b: 1,\n};', 'const a = { b: 2, };'],
    ['a clause', 'a\n  // guard: g\n  .b()\n  .c();', 'a .c();'],
  ])('marks %s', (_what, text, expected) => expect(withoutIts(text)).toBe(expected));
});

describe('what is no guard', () => {
  it('is text that looks like one', () =>
    expect(
      guardsIn('x.ts', 'const a = "// guard: g";\nconst b = `\n// guard: g\n`;\n// The guard: it stands.\nc();'),
    ).toEqual({
      guards: [],
      errors: [],
    }));

  it.each([
    ['nothing after it', 'a();\n// guard: g\n', 'x.ts:2: guard g marks nothing'],
    ['a part that begins no line', 'const a = b && // guard: g\n  c;', 'x.ts:1: guard g marks nothing'],
    ['a statement at its end', 'a(); // guard: g', 'x.ts:1: guard g marks nothing'],
    ['a branch without condition', 'if (a) b();\n// guard: g\nelse c();', 'x.ts:2: guard g marks nothing'],
    ['a parameter', 'function f(\n  // guard: g\n  a,\n) {}', 'x.ts:2: guard g marks nothing'],
    [
      'a declaration',
      '// guard: g\nconst a = 1;',
      'x.ts:1: guard g takes away a declaration: say what stands there without it',
    ],
    ['the same code', '// guard: g without: a();\na();', 'x.ts:1: guard g changes nothing'],
    ['no code', '// guard: g without:\na();', 'x.ts:1: guard g says no code after without:'],
    ['no name', '// guard:\na();', 'x.ts:1: not a guard: guard:'],
    ['a name in capitals', '// guard: G\na();', 'x.ts:1: not a guard: guard: G'],
    ['a name and words', '// guard: g as said\na();', 'x.ts:1: not a guard: guard: g as said'],
    ['a block comment', '/* guard: g */\na();', 'x.ts:1: not a guard: /* guard: g */'],
    ['a docstring', '/** guard: g */\na();', 'x.ts:1: not a guard: /** guard: g */'],
  ])('is refused: %s', (_what, text, error) => expect(errorsIn(text)).toEqual([error]));

  it('goes on only in the next line, indented', () => {
    const text = '// guard: g without: b();\n// Words.\n//   c();\na();';
    expect(withoutIts(text)).toBe('b();');
  });

  it('lets the control change nothing', () => expect(errorsIn('// guard: control without: a();\na();')).toEqual([]));
});
