import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as classic from 'zod';
import * as mini from 'zod/mini';
import { atOnce } from '../src/schemas/at-once.js';
import * as node from '../src/schemas/zod-node.js';

// Objects that zod compiles, which is what there is in Node, and objects of zod/mini, which is what there is in browsers, say
// the same of every value.

const claims = (z: Pick<typeof mini, 'strictObject'>) => {
  const inner = z.strictObject({ hash: mini.string().check(mini.regex(/^[a-z]{2}$/)), ver: mini.optional(mini.int()) });
  return z.strictObject({
    iss: mini.string().check(mini.maxLength(4)),
    exp: mini.int().check(mini.gte(1)),
    prm: inner,
    also: mini.optional(mini.array(mini.extend(inner, { more: mini.nullable(mini.boolean()) }))),
    less: mini.optional(mini.omit(inner, { ver: true })),
    kind: mini.literal(['a', 'b']),
  });
};
const [compiled, read] = [claims(node), claims(mini)];
const GOOD = { iss: 'me', exp: 2, prm: { hash: 'ab' }, kind: 'a' };

/** What a schema says of a value: the value, or where it is wrong and why. */
function said(schema: mini.ZodMiniType, value: unknown) {
  const { success, data, error } = schema.safeParse(value);
  return success ? { data } : { faults: error.issues.map(({ path, code, message }) => ({ path, code, message })) };
}

describe('what is compiled', () => {
  it('is compiled', () => {
    expect(compiled._zod.traits.has('$ZodObjectJIT')).toBe(true);
    expect(read._zod.traits.has('$ZodObjectJIT')).toBe(false);
  });

  it.each<[string, unknown]>([
    ['as it should be', GOOD],
    ['with all there is', { ...GOOD, also: [{ hash: 'cd', ver: 3, more: null }], less: { hash: 'ef' } }],
    ['with a member too many', { ...GOOD, x: 1 }],
    ['with one too many within', { ...GOOD, prm: { hash: 'ab', x: 1 } }],
    ['with one too many in a list', { ...GOOD, also: [{ hash: 'ab', more: true, x: 1 }] }],
    ['with one that was left out of a form', { ...GOOD, less: { hash: 'ab', ver: 1 } }],
    ['without a member', { iss: 'me', exp: 2, prm: { hash: 'ab' } }],
    ['with undefined for what may lack', { ...GOOD, also: undefined }],
    ['with undefined for what may not', { ...GOOD, exp: undefined }],
    ['with several faults', { ...GOOD, iss: 'longer', exp: 0.5, prm: { hash: 'ABC' } }],
    ['with __proto__ as a member', JSON.parse('{"iss":"me","exp":2,"prm":{"hash":"ab"},"kind":"a","__proto__":{}}')],
    ['a list', [GOOD]],
    ['null', null],
    ['text', 'me'],
    ['nothing', undefined],
  ])('says the same of a value %s', (_name, value) => {
    expect(said(compiled, value)).toEqual(said(read, value));
  });

  it('says the same of any value', () => {
    const member = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('a', 'ab', 1, 2, { hash: 'ab' }, [{ hash: 'ab', more: null }]),
    );
    const names = fc.constantFrom('iss', 'exp', 'prm', 'also', 'less', 'kind', 'x', 'toString', '__proto__');
    const changes = fc.dictionary(names, member, { maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(changes, (change) => {
        const value = { ...GOOD, ...change };
        expect(said(compiled, value)).toEqual(said(read, value));
      }),
    );
  });

  /** Texts and numbers with checks that are asked at once, and with others beside them. */
  const values = (z: Pick<typeof mini, 'string' | 'int'>) => [
    z.string().check(mini.regex(/^[a-c]*$/)),
    z.string().check(mini.minLength(2), mini.maxLength(3), mini.regex(/^[a-c😀]*$/u)),
    z.string().check(mini.minLength(2), mini.maxLength(3)),
    z.string().check(
      mini.maxLength(3),
      mini.refine((text: string) => text !== 'ab'),
    ),
    z.string().check(mini.regex(/a/g)),
    z.string(),
    z.int().check(mini.gte(1), mini.lte(3)),
    z.int().check(mini.gt(1), mini.lt(3)),
    z.int(),
  ];
  const ANY = [
    '',
    'a',
    'ab',
    'abc',
    'abcd',
    'abx',
    '😀',
    '😀😀',
    '😀😀😀',
    '😀😀😀😀',
    0,
    1,
    2,
    3,
    4,
    1.5,
    2 ** 53,
    -1,
    Number.NaN,
    '2',
    null,
    [],
    ['a', 'b'],
    undefined,
  ];

  /** As the contract has them: of zod's own. */
  const ofContract = () => {
    const schemas = values(classic as unknown as typeof mini);
    for (const schema of schemas) atOnce(schema);
    return schemas;
  };

  it.each([
    ['in Node', () => values(node)],
    ['in the contract', ofContract],
  ])('says the same of texts and of whole numbers, however often it is asked, %s', (_where, made) => {
    const [atOnceAsked, inTurn] = [made(), values(mini)];
    for (const value of [...ANY, ...ANY])
      expect(atOnceAsked.map((schema) => said(schema, value))).toEqual(inTurn.map((schema) => said(schema, value)));
  });

  it.each([
    ['in Node', () => values(node)],
    ['in the contract', ofContract],
  ])('asks texts and whole numbers at once %s', (_where, made) => {
    const asked = made().map((schema) => schema._zod.run.toString().includes('passes'));
    expect(asked).toEqual([true, false, true, false, false, false, true, false, false]);
  });

  it('is read as before in a process that may not compile', () => {
    const program = `import { int, strictObject } from '${import.meta.resolve('../dist/schemas/zod-node.js')}';
      import { util } from 'zod/v4/core';
      const parsed = [{ x: 1 }, { x: 1, y: 2 }].map((value) => strictObject({ x: int() }).safeParse(value).success);
      process.stdout.write(JSON.stringify([util.allowsEval.value, ...parsed]));`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program];
    const printed = execFileSync(process.execPath, flags, { cwd: import.meta.dirname, encoding: 'utf8' });
    expect(JSON.parse(printed)).toEqual([false, true, false]);
  });
});
