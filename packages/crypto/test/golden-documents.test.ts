import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryHashes, TrustDocuments, TrustMemory } from '@bulla/crypto';
import { CryptoError, decodeBase64url, strictParse, Trust, verifyTags } from '@bulla/crypto';
import { NAME } from './examples.js';
import type { TestOrganisation } from './organisation.js';
import { loadOrganisation, NOW } from './organisation.js';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly check?: string;
}
type Page = 'root' | 'policy' | 'directory';
interface TrustVectors {
  readonly now: number;
  readonly org: string;
  readonly pin: string;
  readonly documents: TrustDocuments;
  readonly cases: readonly (Case & {
    page: Page;
    changes: Partial<TrustDocuments>;
    memory?: TrustMemory;
    hashes?: DirectoryHashes;
  })[];
}
interface Ending {
  readonly refused?: string;
  readonly check?: string;
}
interface Signed {
  readonly token?: string;
}
interface TagVectors {
  readonly cases: readonly (Case & { tokens: readonly string[]; label: string })[];
}

const trust = readVectors('golden/trust.json') as TrustVectors;
const tags = readVectors('golden/tag.json') as TagVectors;
/** Cases of a file for everybody. */
function casesOf(file: string): (Case & { token?: string })[] {
  const { cases } = readVectors(`${file}.json`) as { cases: { name: string; input: Signed; expected: Ending }[] };
  return cases.map(({ name, input: { token }, expected: { refused, check } }) => ({
    name,
    result: refused ?? 'valid',
    ...(check !== undefined && { check }),
    ...(token !== undefined && { token }),
  }));
}

/** How a case ends: `valid`, or its code and check. */
async function outcome(run: () => Promise<unknown>): Promise<{ result: string; check?: string }> {
  try {
    await run();
    return { result: 'valid' };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { result: error.code, ...(error.check !== undefined && { check: error.check }) };
  }
}

function expected({ result, check }: Case): object {
  return { result, ...(check !== undefined && { check }) };
}

describe.each(['root', 'policy', 'directory'] as const)('golden documents: %s', (page) => {
  it.each(trust.cases.filter((vector) => vector.page === page))('$name: $result', async (vector) => {
    const { org, pin, now, documents } = trust;
    const options = { org, pin, now, previous: vector.memory, hashes: vector.hashes };
    const ended = await outcome(() => Trust.establish({ ...documents, ...vector.changes }, options));
    expect(ended).toEqual(expected(vector));
  });
});

describe('golden tags', () => {
  let acme: TestOrganisation;
  beforeAll(async () => {
    acme = await loadOrganisation('acme');
  });

  it.each(tags.cases)('$name: $result', async (vector) => {
    const { tokens, label } = vector;
    const ended = await outcome(() => verifyTags(tokens, { trust: acme.trust, name: NAME, label, now: NOW }));
    expect(ended).toEqual(expected(vector));
  });
});

describe.each<[string, readonly Case[]]>([
  ['root', trust.cases.filter(({ page }) => page === 'root')],
  ['policy', trust.cases.filter(({ page }) => page === 'policy')],
  ['directory', trust.cases.filter(({ page }) => page === 'directory')],
  ['tag', [...tags.cases, ...casesOf('label-chain')]],
  ['freshness', [...casesOf('label-freshness'), ...casesOf('directory-freshness')]],
])('docs/spec/%s.md', (page, cases) => {
  const text = readFileSync(new URL(`../../../docs/spec/${page}.md`, import.meta.url), 'utf8');
  const examples = [
    ...text.matchAll(/<!-- ([\w-]+)\.json: ([^:]+?)(?:: (header|payload))? -->\n```json\n([^`]+)\n```/g),
  ];

  it('has no example but those of valid vectors', () => {
    expect(examples).toHaveLength(text.split('```json').length - 1);
    expect(examples.length).toBeGreaterThan(0);
    for (const [, file = '', name = '', part, json = ''] of examples) {
      const bytes = decodeBase64url(part === undefined ? payloadOf(name) : partOf(tokenOf(file, name), part));
      expect(JSON.parse(json)).toEqual(strictParse(bytes, { maxBytes: 1 << 20 }));
    }
  });

  it('has a vector for each refusal it lists, and lists the refusal of each vector', () => {
    const listed = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `([\w-]+)` \|/gm)].map(
      ([, code, check]) => `${code} ${check}`,
    );
    const held = cases.filter(({ check }) => check !== undefined).map(({ result, check }) => `${result} ${check}`);
    expect(new Set(listed)).toEqual(new Set(held));
  });
});

/** Payload of the valid root, policy or directory. */
function payloadOf(document: string): string {
  const { roots, policy, directory } = trust.documents;
  const token = { root: roots[0], policy, directory }[document as Page] ?? '{}';
  return (JSON.parse(token) as { payload: string }).payload;
}

/** Token of a valid case. */
function tokenOf(file: string, name: string): string {
  const isIt = (one: Case) => one.name === name && one.result === 'valid';
  if (file === 'tag') return tags.cases.find(isIt)?.tokens[0] ?? '';
  return casesOf(file).find(isIt)?.token ?? '';
}

function partOf(token: string, part: string): string {
  return token.split('.')[part === 'header' ? 0 : 1] ?? '';
}
