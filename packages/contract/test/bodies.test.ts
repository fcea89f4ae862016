import { describe, expect, it } from '@jest/globals';
import {
  Bundle,
  LabelMove,
  LostDocuments,
  LostMoves,
  NewDirectoryFreshness,
  NewEnvelope,
  NewInvocation,
  NewLabelFreshness,
  NewPolicy,
  NewShare,
  NewUsage,
  NewVersion,
  Reply,
  ROUTES,
} from '@bulla/contract';
import type { Route } from '@bulla/contract';
import { hash, prompt, responder, usageReport } from './example-names.js';
import { EXAMPLES } from './examples.js';
import { mutationsOf } from './mutations.js';
import { usageCount } from './usage-examples.js';

/** Texts in prose, bases of signatures and notes may break lines; prose may be empty where it points at the whole; a beginning of a label has nothing before it. */
const PROSE =
  /(?:(?:line break|empty text) at \/statement\/(?:message|content\/(?:source|messages\/0\/content))|line break at \/(?:title|detail|instance|request_id|errors\/0\/(?:pointer|message)|.*(?:base|checkpoint|witnessed\/0)))|empty text at \/(?:detail|instance|errors\/0\/pointer|(?:(?:data|moves)\/0\/)?prev)/;
/** Numbers that happen to be good at their place. */
const GOOD_NUMBERS =
  /^2147483648 at (?:\/status|.*\/(?:index|first|below|entries|max_output_tokens|(?:in|out)put_tokens|nanos)|\/data\/0\/(?:runs|failed|uncounted|unpriced))$|^1 at .*\/temperature$/;

describe.each(EXAMPLES)('$name', ({ schema, value, optional }) => {
  it('takes a good value', () => {
    expect(schema.safeParse(value)).toMatchObject({ success: true });
  });

  it('refuses every wrong neighbour of it', () => {
    const mutations = [...mutationsOf(value, optional)].filter(
      ({ name }) => !PROSE.test(name) && !GOOD_NUMBERS.test(name),
    );
    const taken = mutations.filter((mutation) => schema.safeParse(mutation.value).success).map(({ name }) => name);
    expect(taken).toEqual([]);
    expect(mutations.length).toBeGreaterThan(3);
  });

  it('does without optional members', () => {
    for (const pointer of optional) {
      const copy = structuredClone(value) as Record<string, unknown>;
      const path = pointer.slice(1).split('/');
      const last = path.pop() ?? '';
      const holder = path.reduce((at, name) => at[name] as Record<string, unknown>, copy);
      delete holder[last];
      expect(schema.safeParse(copy)).toMatchObject({ success: true });
    }
  });
});

it('has an example of every body of the table', () => {
  const bodies = Object.values<Route>(ROUTES).flatMap(({ body, response, event }) => [body, response, event]);
  const schemas = new Set(EXAMPLES.map(({ schema }) => schema));
  const without = bodies.filter((schema) => schema !== undefined && !schemas.has(schema));
  expect(without).toEqual([ROUTES['interface.document'].response]);
});

describe('sizes', () => {
  const token = (length: number) => 'a'.repeat(length);
  const document = (length: number) => `{${token(length - 2)}}`;
  const bundle = { v: 1, env: 'e', tags: [] };
  const lost = { roots: [document(3)], policy: document(3), directory: document(3), from: 1, hashes: [] };
  const tuple = { sub: `urn:bulla:acme:prompt:${prompt}`, ver: 0, chash: '', prev: '' };
  const lostMoves = { name: 'claims/triage', label: 'latest', tags: ['a'] };
  it.each([
    ['a content', NewVersion, 491_520, (n: number) => ({ content: token(n), grants: ['a'] })],
    ['a grant', NewVersion, 4_096, (n: number) => ({ content: 'a', grants: [token(n)] })],
    ['grants', NewVersion, 64, (n: number) => ({ content: 'a', grants: Array.from({ length: n }, () => 'a') })],
    ['a tag', LabelMove, 8_192, (n: number) => ({ tags: [token(n)] })],
    ['tags', LabelMove, 16, (n: number) => ({ tags: Array.from({ length: n }, () => 'a') })],
    ['a word of a renewer', NewDirectoryFreshness, 8_192, (n: number) => ({ fresh: token(n) })],
    ['words for positions', NewLabelFreshness, 100, (n: number) => ({ fresh: Array.from({ length: n }, () => 'a') })],
    ['words for one position', Bundle, 16, (n: number) => ({ ...bundle, fresh: Array.from({ length: n }, () => 'a') })],
    [
      'hashes that were lost',
      LostDocuments,
      10_000,
      (n: number) => ({ ...lost, hashes: Array.from({ length: n }, () => hash) }),
    ],
    [
      'roots that were lost',
      LostDocuments,
      64,
      (n: number) => ({ ...lost, roots: Array.from({ length: n }, () => document(3)) }),
    ],
    [
      'moves that were lost',
      LostMoves,
      1_000,
      (n: number) => ({ ...lostMoves, moves: Array.from({ length: n }, () => tuple) }),
    ],
    ['an envelope', Bundle, 24_576, (n: number) => ({ ...bundle, env: token(n) })],
    ['a question', NewInvocation, 12_582_912, (n: number) => ({ bundle, inv: token(n) })],
    ['a document', NewPolicy, 5_767_168, (n: number) => ({ policy: document(n) })],
    ['a head', Reply, 1_366, (n: number) => ({ head: token(n), frames: [], final: 'a' })],
    ['a frame', Reply, 21_888, (n: number) => ({ head: 'a', frames: [token(n)], final: 'a' })],
    ['a share of a root key', NewShare, 4_096, (n: number) => ({ share: token(n) })],
    [
      'counts of usage',
      NewUsage,
      500,
      (n: number) => ({ report: usageReport, counts: Array.from({ length: n }, () => usageCount) }),
    ],
    ['uses', NewEnvelope, 1_000, (n: number) => ({ prompt, version: 1, aud: responder, uses: n })],
  ])('%s may be as large as its limit and no larger', (_name, schema, max, make) => {
    expect(schema.safeParse(make(max)).success).toBe(true);
    expect(schema.safeParse(make(max + 1)).success).toBe(false);
  });
});

describe('a token', () => {
  it.each(['a b', 'a=', 'a+b', 'a/b', 'a\n', '', 'ä', '{"a":1}'])('refuses %j', (text) => {
    expect(NewVersion.safeParse({ content: text, grants: ['a.b.c'] }).success).toBe(false);
  });
});

describe('a document', () => {
  it.each([
    '{}',
    '{ "payload":"x"}',
    '{"payload":"x"} ',
    '{"payload":"x\\u0041"}',
    '["payload"]',
    'a.b.c',
    '{"payload":"ä"}',
  ])('refuses %j', (text) => {
    expect(NewPolicy.safeParse({ policy: text }).success).toBe(false);
  });
});

describe('counts of usage', () => {
  it('are of no more runs than there were [guard: usage-parts]', () => {
    const withCounts = (changes: object) =>
      NewUsage.safeParse({ report: usageReport, counts: [{ ...usageCount, runs: 2, ...changes }] }).success;
    expect(withCounts({ failed: 2, uncounted: 2, input_tokens: 0, output_tokens: 0 })).toBe(true);
    for (const part of ['failed', 'uncounted']) expect(withCounts({ [part]: 3 })).toBe(false);
  });

  it.each(['2026-11-25T08:00:00.001Z', '2026-11-25T08:01:00.000Z', '2026-11-25T08:00:00Z', '2026-11-25'])(
    'are of no hour that begins at %s',
    (hour) => {
      expect(NewUsage.safeParse({ report: usageReport, counts: [{ ...usageCount, hour }] }).success).toBe(false);
    },
  );
});

describe('what an envelope is asked for', () => {
  it.each([
    ['neither prompt nor name', { version: 1, aud: responder }, '/prompt'],
    ['both prompt and name', { prompt, name: 'a', version: 1, aud: responder }, '/prompt'],
    ['neither version nor label', { prompt, aud: responder }, '/version'],
    ['both version and label', { prompt, version: 1, label: 'latest', aud: responder }, '/version'],
    ['a vault as the responder', { prompt, version: 1, aud: 'urn:bulla:acme:svc:vault' }, '/aud'],
  ])('refuses %s', (_name, value, pointer) => {
    const paths = NewEnvelope.safeParse(value).error?.issues.map(({ path }) => `/${path.join('/')}`);
    expect(paths).toEqual([pointer]);
  });

  it('is used once unless it says otherwise', () => {
    expect(NewEnvelope.parse({ prompt, version: 1, aud: responder }).uses).toBe(1);
  });
});

it('never repeats a value in what it says about it', () => {
  const canary = 'canary\n9f1c';
  const told = EXAMPLES.flatMap(({ schema, value }) => schema.safeParse(plant(value, canary)).error?.issues ?? []);
  expect(told.length).toBeGreaterThan(40);
  expect(told.filter(({ message }) => message.includes('9f1c'))).toEqual([]);
});

/** The same shape with the canary in the place of every text. */
function plant(value: unknown, canary: string): unknown {
  if (typeof value === 'string') return canary;
  if (Array.isArray(value)) return value.map((item) => plant(item, canary));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plant(member, canary)]));
}
