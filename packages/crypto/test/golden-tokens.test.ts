import { openGrantToken, openContentToken, verifyEnvelopeToken } from './reading.js';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, WantedPrompt } from '@bulla/crypto';
import {
  checkBundleForAsker,
  CryptoError,
  decodeBase64url,
  encodeHex,
  parseBundle,
  Secret,
  strictParse,
  verifyStatement,
} from '@bulla/crypto';
import type { ExpectedGrant } from '@bulla/crypto/open';
import { REQUEST } from './examples.js';
import type { TestOrganisation } from './organisation.js';
import { loadOrganisation, NOW } from './organisation.js';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly check?: string;
}
interface TokenCase extends Case {
  readonly token: string;
}
type StatementCase = TokenCase & { chash: string; expect: { sub: string; name: string; ver: number } };
type ContentCase = TokenCase & { key: string; place: { org: string; sub: string; ver: number }; plaintext?: string };
type GrantCase = TokenCase & { opener: string; expect: ExpectedGrant; key?: string };
type EnvelopeCase = TokenCase & { audience: string; graceSeconds: number };
type BundleCase = Case & { bundle: Bundle; wanted: WantedPrompt };

function vectors<C extends Case>(format: string): C[] {
  return (readVectors(`golden/${format}.json`) as { cases: C[] }).cases;
}

/** A token that is read: of a golden file, or of deposits, whose vectors are shared with peers. */
function validToken(file: string, name: string | undefined): string | undefined {
  if (file !== 'deposit')
    return vectors<TokenCase>(file).find((one) => one.name === name && one.result === 'valid')?.token;
  const { cases } = readVectors('deposit.json') as {
    cases: { name: string; input: { token: string }; expected: { ok?: object } }[];
  };
  return cases.find((one) => one.name === name && one.expected.ok !== undefined)?.input.token;
}

/** How a case ends: what it yields, or its code and check. */
async function outcome(run: () => Promise<unknown>): Promise<{ result: string; check?: string; value?: unknown }> {
  try {
    return { result: 'valid', value: await run() };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { result: error.code, ...(error.check !== undefined && { check: error.check }) };
  }
}

function expected({ result, check }: Case): object {
  return { result, ...(check !== undefined && { check }) };
}

let acme: TestOrganisation;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
});

describe('golden statements', () => {
  it.each(vectors<StatementCase>('statement'))('$name: $result', async (vector) => {
    const { token, chash, expect: place } = vector;
    const context = { trust: acme.trust, now: NOW, chash, expect: place };
    expect(await outcome(() => verifyStatement(token, context))).toMatchObject(expected(vector));
  });
});

describe('golden contents', () => {
  it.each(vectors<ContentCase>('content'))('$name: $result', async (vector) => {
    const key = Uint8Array.from(vector.key.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
    const ended = await outcome(() => openContentToken(vector.token, new Secret(key), vector.place));
    expect(ended).toEqual({ ...expected(vector), ...(vector.plaintext !== undefined && { value: vector.plaintext }) });
  });
});

describe('golden grants', () => {
  it.each(vectors<GrantCase>('grant'))('$name: $result', async (vector) => {
    const unwrapper = await acme.unwrapper(vector.opener);
    const ended = await outcome(async () => {
      const dek = await openGrantToken(vector.token, unwrapper, vector.expect);
      return encodeHex(dek.reveal());
    });
    expect(ended).toEqual({ ...expected(vector), ...(vector.key !== undefined && { value: vector.key }) });
  });
});

describe('golden envelopes', () => {
  it.each(vectors<EnvelopeCase>('envelope'))('$name: $result', async (vector) => {
    const { token, audience, graceSeconds } = vector;
    const context = { trust: acme.trust, now: NOW, audience, graceSeconds };
    expect(await outcome(() => verifyEnvelopeToken(token, context))).toMatchObject(expected(vector));
  });
});

describe('golden bundles', () => {
  it.each(vectors<BundleCase>('bundle'))('$name: $result', async ({ bundle, wanted, ...vector }) => {
    const ended = await outcome(async () =>
      checkBundleForAsker(parseBundle(bundle), {
        trust: acme.trust,
        now: NOW,
        asker: { urn: acme.urn('asker'), kid: acme.kid('asker') },
        audience: acme.urn('eu1'),
        request: REQUEST,
        wanted,
      }),
    );
    expect(ended).toMatchObject(expected(vector));
  });
});

describe.each([
  ['statement', ['statement']],
  ['content', ['content']],
  ['grant', ['grant']],
  ['envelope', ['envelope', 'bundle']],
])('docs/spec/%s.md', (page, files) => {
  const text = readFileSync(new URL(`../../../docs/spec/${page}.md`, import.meta.url), 'utf8');
  const examples = [...text.matchAll(/<!-- (\w+)\.json: (.+): (header|payload) -->\n```json\n([^`]+)\n```/g)];

  it('has no example but those of valid vectors', () => {
    expect(examples).toHaveLength(text.split('```json').length - 1);
    expect(examples.length).toBeGreaterThan(0);
    for (const [, file = '', name, part, json = ''] of examples) {
      const token = validToken(file, name);
      expect(token).toBeDefined();
      const bytes = decodeBase64url(token?.split('.')[part === 'header' ? 0 : 1] ?? '');
      expect(JSON.parse(json)).toEqual(strictParse(bytes, { maxBytes: 1 << 20 }));
    }
  });

  it('has a vector for each refusal it lists, and lists the refusal of each vector', () => {
    const listed = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `([\w-]+)` \|$/gm)].map(
      ([, code, check]) => `${code} ${check}`,
    );
    const held = files.flatMap((file) => vectors(file)).filter(({ check }) => check !== undefined);
    expect(new Set(listed)).toEqual(new Set(held.map(({ result, check }) => `${result} ${check}`)));
  });
});
