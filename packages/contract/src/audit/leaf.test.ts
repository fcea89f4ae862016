import { expect, it } from '@jest/globals';
import { NUMBER_MAX } from '@bulla/crypto/names';
import * as z from 'zod';
import { AuditEvent } from '../events.js';
import { GRANTS_MAX } from '../http/limits.js';
import { encodeLeaf, parseLeaf } from './leaf.js';

// C2SP tlog-tiles puts two bytes of length before each entry: whatever the closed forms allow has to fit, by far.

const LEAF_BYTES_MAX = 65_535;
const STAMP = {
  id: `aud_7${'z'.repeat(25)}`,
  t: '2026-11-28T09:30:00.000Z',
  org: 'o'.repeat(63),
  // Each of these takes two bytes in JSON.
  rid: '"'.repeat(128),
};
const KID = 'k'.repeat(43);
const WHO = { v: 1, who: { type: 'device', kid: KID }, req: 'n'.repeat(86), ev: 'e'.repeat(43) } as const;
const PROMPT = 'prm_7zzzzzzzzzzzzzzzzzzzzzzzzz';
const movedTo = (count: number) => {
  const to = Array.from({ length: count }, () => ({ prompt: PROMPT, version: NUMBER_MAX, kid: KID }));
  return { ...WHO, act: 'grant.move', res: 'ok', obj: { added: NUMBER_MAX, refused: NUMBER_MAX, to } } as never;
};

/** The part of JSON Schema that events are described with. */
interface Schema {
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** How many bytes of JSON a value of this form has at most; Infinity where the form does not say. */
function bytesAtMost(schema: Schema): number {
  const { oneOf, anyOf, type, properties = {}, items, maxItems = Infinity } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const).length;
  if (schema.enum !== undefined) return Math.max(...schema.enum.map((one) => JSON.stringify(one).length));
  const choices = oneOf ?? anyOf;
  if (choices !== undefined) return Math.max(...choices.map(bytesAtMost));
  if (type === 'boolean') return 'false'.length;
  if (type === 'null') return 'null'.length;
  if (type === 'integer') return String(schema.maximum ?? Infinity).length;
  if (type === 'string') return 2 + Math.min(schema.maxLength ?? Infinity, charactersAtMost(schema.pattern ?? '.*'));
  if (type === 'array') return 2 + maxItems * (1 + bytesAtMost(items ?? {}));
  if (type !== 'object') return Infinity;
  return Object.entries(properties).reduce((sum, [name, one]) => sum + name.length + 4 + bytesAtMost(one), 2);
}

/** How many characters a pattern of letters, classes and counts lets through at most, each of them one byte in JSON. */
function charactersAtMost(pattern: string): number {
  if (/["|?]|\[\^|[^\x20-\x7E]/.test(pattern)) return Infinity;
  const parts = pattern.replaceAll(/[()^$]/g, '').matchAll(/(\[[^\]]+\]|\\?.)(\{(?:\d+,)?(\d+)\}|[*+])?/g);
  return [...parts].reduce((sum, [, , count, most]) => sum + (count === undefined ? 1 : Number(most ?? Infinity)), 0);
}

/** The forms of events, but for two apart: those by which a log tells of every log before it. */
const all = z.toJSONSchema(AuditEvent, { io: 'input' }) as Schema;
const forms = all.anyOf ?? all.oneOf ?? [];
const ofLogs = forms.filter((one) => /"const":"log\.(?:begin|prune)"/.test(JSON.stringify(one)));

it('is far shorter than an entry may be, whatever it is about', () => {
  const event = bytesAtMost({ anyOf: forms.filter((one) => !ofLogs.includes(one)) });
  const stamp = JSON.stringify(STAMP).length;
  // The longest is that of a request with as many grants as one may bring.
  const longest = encodeLeaf(STAMP, movedTo(GRANTS_MAX)).length;
  expect(event + stamp).toBeLessThan(LEAF_BYTES_MAX / 4);
  expect(longest).toBeLessThanOrEqual(event + stamp);
  expect(longest).toBeGreaterThan((event + stamp) * 0.9);
});

it('fits where it tells of every log before, as many as it may', () => {
  expect(ofLogs).toHaveLength(2);
  expect(bytesAtMost({ anyOf: ofLogs }) + JSON.stringify(STAMP).length).toBeLessThan(LEAF_BYTES_MAX);
});

it('names nobody beyond those whom one request can name', () => {
  expect(() => encodeLeaf(STAMP, movedTo(GRANTS_MAX + 1))).toThrow(/to/);
});

it('is bounded by a measure that sees what has no bound', () => {
  expect(bytesAtMost(z.toJSONSchema(z.strictObject({ text: z.string() })) as Schema)).toBe(Infinity);
  expect(bytesAtMost(z.toJSONSchema(z.strictObject({ text: z.string().regex(/^a+$/) })) as Schema)).toBe(Infinity);
  expect(bytesAtMost(z.toJSONSchema(z.strictObject({ text: z.string().regex(/^[a-z]{2,5}_x$/) })) as Schema)).toBe(
    '{"text":"abcde_x",}'.length,
  );
  expect(bytesAtMost(z.toJSONSchema(z.array(z.boolean())) as Schema)).toBe(Infinity);
});

it.each(['null', '17', '[]', '{}', '"leaf"'])('is refused as one where it is none: %s', (text) => {
  expect(() => parseLeaf(text)).toThrow(z.ZodError);
});
