import { openQuestionToken } from './reading.js';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { decodeBase64url, decodeUtf8, parseInvitationCode } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { loadOrganisation } from './organisation.js';

/**
 * Every page of docs/spec that is of a format: it names its code and its vectors, begins with an example, and shows
 * nothing that is not in its vectors, which other tests take through the code.
 */

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
/** Says how the formats work together. It is no format itself, so it has no vectors. */
const PROTOCOL = 'protocol.md';
const found = readdirSync(new URL('docs/spec', ROOT)).filter((file) => file.endsWith('.md'));
const pages = found.filter((file) => file !== PROTOCOL);

/** Examples that are inside something sealed, or in an encoding of their own. */
const inside: Readonly<Record<string, (vectors: readonly unknown[]) => Promise<unknown>>> = {
  'invocation.md': async ([file]) => {
    const [first] = (file as { cases: { sealed: string }[] }).cases;
    return openQuestionToken(first?.sealed ?? '', await (await loadOrganisation('acme')).unwrapper('eu1'));
  },
  'enrolment.md': async ([file]) => {
    const { cases } = file as { cases: { code: string }[] };
    return cases.map(({ code }) => parseInvitationCode(code));
  },
};

/** Files that a page names in backticks after a word; a name without a folder lies where the one before it lies. */
function filesAfter(word: 'Code' | 'Vectors', page: string): string[] {
  const [, listed = ''] = new RegExp(`\\b${word}: (.*?)(?: Vectors:|\\n)`).exec(page) ?? [];
  let folder = '';
  return [...listed.matchAll(/`([^`]*\/[^`]*|[^`]+\.(?:ts|json|txt))`/g)].map(([, name = '']) => {
    if (name.includes('/')) folder = name.slice(0, name.lastIndexOf('/') + 1);
    return name.includes('/') ? name : folder + name;
  });
}

/** A heading and what stands under it, up to the next one. */
function sectionOf(page: string, heading: string): string {
  return page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';
}

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocksOf(section: string): Block[] {
  return [...section.matchAll(/^```(\w*)\n([\s\S]*?)\n```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** All values in a JSON value, those that are encoded in its strings too: the parts of tokens, and JSON in base64url. */
function* valuesIn(value: unknown): Generator {
  yield value;
  if (typeof value === 'string') for (const inner of encodedIn(value)) yield* valuesIn(inner);
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) yield* valuesIn(one);
}

function encodedIn(text: string): unknown[] {
  if (text.startsWith('{')) return jsonOf(() => text);
  return text.split('.').flatMap((part) => jsonOf(() => decodeUtf8(decodeBase64url(part))));
}

/** The value, where it is an object; invalid vectors hold anything. */
function jsonOf(textOf: () => string): unknown[] {
  try {
    const value: unknown = JSON.parse(textOf());
    return typeof value === 'object' ? [value] : [];
  } catch {
    return [];
  }
}

/** Whether what is shown is this value; a string that was cut short ends in an ellipsis. */
function isShown(shown: unknown, value: unknown): boolean {
  if (typeof shown === 'string' && typeof value === 'string')
    return shown === value || (shown.endsWith('…') && value.startsWith(shown.slice(0, -1)));
  if (typeof shown !== 'object' || typeof value !== 'object' || shown === null || value === null)
    return shown === value;
  const [these, those] = [Object.entries(shown), Object.entries(value) as [string, unknown][]];
  return (
    Array.isArray(shown) === Array.isArray(value) &&
    these.length === those.length &&
    these.every(
      ([name, member]) => Object.hasOwn(value, name) && isShown(member, (value as Record<string, unknown>)[name]),
    )
  );
}

/** Blocks of the examples that the vectors do not hold. */
function invented(page: string, vectors: readonly unknown[]): string[] {
  const held = vectors.flatMap((file) => [...valuesIn(file)]);
  const texts = held
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join('\n')
    .toLowerCase();
  return blocksOf(sectionOf(page, 'Example'))
    .filter(({ language, text }) => {
      if (language !== 'json') return !wordsOf(text).every((word) => texts.includes(word));
      const shown: unknown = JSON.parse(text);
      return !held.some((value) => isShown(shown, value));
    })
    .map(({ text }) => text);
}

/** What can be looked for in a text that is no JSON: its long words, without the marks around them, up to an ellipsis. */
function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[\s"…,]+/)
    .map((word) => word.replace(/^[({[]+|[:)}\]]+$/g, ''))
    .filter((word) => word.length >= 9);
}

describe.each<string>(pages)('docs/spec/%s', (file) => {
  const page = read(`docs/spec/${file}`);
  const vectors = filesAfter('Vectors', page);

  it('names code and vectors that are there', () => {
    const named = [...filesAfter('Code', page), ...vectors];
    expect(named.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
    expect(filesAfter('Code', page).length).toBeGreaterThan(0);
    expect(vectors.length).toBeGreaterThan(0);
  });

  it('begins with an example and ends with what it is worth', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings[0]).toBe('Example');
    expect(headings.at(-1)).toBe('Security');
    expect(blocksOf(sectionOf(page, 'Example')).length).toBeGreaterThan(0);
  });

  it('shows nothing that its vectors do not hold', async () => {
    const files = vectors.filter((path) => /[.](?:json|txt)$/.test(path));
    const contents = files.map((path): unknown => (path.endsWith('.json') ? JSON.parse(read(path)) : read(path)));
    const further = await inside[file]?.(contents);
    expect(hasOwnTest(file, page) ? [] : invented(page, [...contents, further])).toEqual([]);
  });
});

/** Whether a page names a test of its own for its examples, and that test reads the page. */
function hasOwnTest(file: string, page: string): boolean {
  const [, test] = /<!-- checked by (\S+) -->/.exec(page) ?? [];
  return test !== undefined && existsSync(new URL(test, ROOT)) && read(test).includes(`docs/spec/${file}`);
}

describe('an example', () => {
  const shown = (block: string) => `# X\n\n## Example\n\n${block}\n\n## Format\n`;
  const vectors = [
    { cases: [{ token: 'eyJ2IjoxfQ.e30', name: 'signature=abcdefgh', list: ['a', { b: 'long text' }] }] },
  ];

  it.each([
    ['a value of a vector', '```json\n{"b": "long text"}\n```', 0],
    ['a value that was cut short', '```json\n{"b": "long…"}\n```', 0],
    ['a part of a token', '```json\n{"v": 1}\n```', 0],
    ['a word of a text', '```\nSignature=abcdefgh\n```', 0],
    ['another value', '```json\n{"b": "other text"}\n```', 1],
    ['a member more', '```json\n{"v": 1, "w": 2}\n```', 1],
    ['a member less', '```json\n{"token": "eyJ2IjoxfQ.e30"}\n```', 1],
    ['a list for an object', '```json\n{"0": "a", "1": {"b": "long text"}}\n```', 1],
    ['another word', '```\nSignature=abcdefgi\n```', 1],
  ])('with %s is found or missed', (_name, block, count) => {
    expect(invented(shown(block), vectors)).toHaveLength(count);
  });

  it.each([
    ['frames.md', 'golden-tokens.test.ts', false],
    ['frames.md', 'gone.test.ts', false],
    ['public-keys.md', 'public-keys.test.ts', true],
  ])('of %s is believed to be checked by %s: %s', (file, test, isBelieved) => {
    expect(hasOwnTest(file, `<!-- checked by packages/crypto/test/${test} -->`)).toBe(isBelieved);
    expect(hasOwnTest(file, 'nothing')).toBe(false);
  });

  it('is looked at in every page there is', () => {
    expect(pages.length).toBeGreaterThan(15);
    expect(found).toHaveLength(pages.length + 1);
    expect(Object.keys(inside).every((file) => pages.includes(file))).toBe(true);
  });
});
