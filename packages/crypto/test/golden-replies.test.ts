import { openQuestionToken } from './reading.js';
import { createDecipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  checkAsker,
  CryptoError,
  decodeBase64url,
  encodeBase64url,
  parseEnvelope,
  parseFin,
  parseHead,
  sha256,
  tokenHash,
  verifyAnswer,
  verifyFin,
} from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import { deriveFrameKeys } from '../src/run/frames.js';
import { verifyInvocation } from '../src/run/invocation.js';
import { secretOf } from './exchange.js';
import type { TestOrganisation } from './organisation.js';
import { loadOrganisation, NOW } from './organisation.js';
import { readVectors, readVectorText } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly check?: string;
}
type InvocationCase = Case & { sealed: string; env?: string };
interface Reply {
  readonly rsp: string;
  readonly env: string;
  readonly irt: { jti: string; rh: string; ih: string };
  readonly head: string;
  readonly steps: readonly (readonly ['delta' | 'final', string])[];
}
type FrameCase = Case & Partial<Reply>;
type FirstFrameCase = Case & Reply & { key: string; base: string; deltas: string[]; fin: string };
type EvidenceCase = Case & { replace: readonly [string, string][] };

function read(name: string): string {
  return readVectorText(`golden/${name}`);
}

function vectors<C extends Case>(format: string): C[] {
  return (JSON.parse(read(`${format}.json`)) as { cases: C[] }).cases;
}

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

const storedEnvelope = (JSON.parse(read('envelope.json')) as { cases: [{ token: string }] }).cases[0].token;
const [firstReply] = vectors<FirstFrameCase>('frames') as [FirstFrameCase];
const answer = read('answer.json');

let acme: TestOrganisation;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
});

/** Steps 6 to 8 of the responder, with the exact codes that it keeps to itself. */
async function receive({ sealed, env = storedEnvelope }: InvocationCase): Promise<void> {
  const { inner } = await openQuestionToken(sealed, await acme.unwrapper('eu1'));
  const context = {
    trust: acme.trust,
    now: NOW,
    envelope: parseEnvelope(env).claims,
    envelopeHash: await tokenHash(env),
    audience: acme.urn('eu1'),
  };
  await verifyInvocation(inner, context);
  checkAsker(inner, context);
}

/** The asker from the first byte of a reply to its verified fin. */
async function readReply(reply: Reply): Promise<{ deltas: string[]; fin: string }> {
  const { irt, env } = reply;
  const head = decodeBase64url(reply.head);
  const opener = await ReplyOpener.start({ rsp: secretOf(reply.rsp), head, expect: { iss: acme.urn('eu1'), irt } });
  const deltas: string[] = [];
  let fin = '';
  for (const [kind, frame] of reply.steps) {
    if (kind === 'final') fin = await opener.openFinal(decodeBase64url(frame));
    else deltas.push(encodeBase64url(await opener.openFrame(decodeBase64url(frame))));
  }
  const envelope = parseEnvelope(env).claims;
  const { transcript } = opener;
  await verifyFin(fin, { trust: acme.trust, now: NOW, envelope, envelopeToken: env, irt, head, transcript });
  return { deltas, fin };
}

describe('golden questions', () => {
  it.each(vectors<InvocationCase>('invocation'))('$name: $result', async (vector) => {
    expect(await outcome(() => receive(vector))).toEqual(expected(vector));
  });
});

describe('golden replies', () => {
  it.each(vectors<FrameCase>('frames'))('$name: $result', async (vector) => {
    expect(await outcome(() => readReply({ ...firstReply, ...vector }))).toEqual(expected(vector));
  });

  it('yield the deltas and the fin that were sealed', async () => {
    const { deltas, fin } = firstReply;
    expect(await readReply(firstReply)).toEqual({ deltas, fin });
  });

  it('derive the base nonce that is written down', async () => {
    const { base } = await deriveFrameKeys(secretOf(firstReply.rsp), decodeBase64url(firstReply.head));
    expect(Buffer.from(base).toString('hex')).toBe(firstReply.base);
  });

  it.each(firstReply.steps.map((_step, index) => index))(
    'open frame %i with OpenSSL under the key written down',
    (index) => {
      const [kind, frame] = firstReply.steps[index] ?? ['delta', ''];
      const sealed = Buffer.from(frame, 'base64url');
      const nonce = Buffer.from(firstReply.base, 'hex');
      nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
      const decipher = createDecipheriv('aes-256-gcm', Buffer.from(firstReply.key, 'hex'), nonce, {
        authTagLength: 16,
      });
      decipher.setAAD(Buffer.from(kind === 'final' ? 'final' : ''));
      decipher.setAuthTag(sealed.subarray(-16));
      const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
      const data =
        kind === 'final' ? Buffer.from(firstReply.fin) : Buffer.from(firstReply.deltas[index] ?? '', 'base64url');
      const type = Buffer.of(kind === 'final' ? 2 : 1);
      const zeros = Buffer.alloc(padded.length - data.length - 1);
      expect(padded.equals(Buffer.concat([data, type, zeros]))).toBe(true);
      expect(zeros.length).toBeLessThan(64);
    },
  );
});

describe('golden answers', () => {
  it.each(vectors<EvidenceCase>('evidence'))('$name: $result', async (vector) => {
    let file = answer;
    for (const [old, next] of vector.replace) {
      expect(file).toContain(old);
      file = file.replace(old, () => next);
    }
    const { pin } = acme.trust;
    const ended = outcome(async () => {
      const { failure } = await verifyAnswer(file, { pin, now: NOW + 86_400 });
      if (failure !== undefined) throw failure;
    });
    expect(await ended).toEqual(expected(vector));
  });
});

/** Long strings cut as the pages cut them. */
function cut(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, member: unknown) =>
      typeof member === 'string' && member.length > 80 ? `${member.slice(0, 12)}…` : member,
    ),
  ) as unknown;
}

/** What each page shows: the first vector, as the code reads it. */
const shown: Readonly<Record<string, () => Promise<unknown[]>>> = {
  invocation: async () => {
    const [first] = vectors<InvocationCase>('invocation');
    const { header, inner } = await openQuestionToken(first?.sealed ?? '', await acme.unwrapper('eu1'));
    return [header, inner.claims];
  },
  frames: () => Promise.resolve([parseHead(decodeBase64url(firstReply.head)), parseFin(firstReply.fin).claims]),
  evidence: () => Promise.resolve([JSON.parse(answer)]),
};

/** Further files for everybody that belong to a page. */
const alsoOf: Readonly<Record<string, readonly string[]>> = {
  frames: ['frames-checkpoint.json'],
  evidence: ['verdict.json', 'evidence-checkpoint.json'],
};

function refusalsIn(file: string): string[] {
  const { cases } = readVectors(file) as { cases: { expected: { refused?: string; check?: string } }[] };
  return cases.flatMap(({ expected: { refused, check } }) => (check === undefined ? [] : [`${refused} ${check}`]));
}

describe.each(Object.keys(shown))('docs/spec/%s.md', (page) => {
  const text = readFileSync(new URL(`../../../docs/spec/${page}.md`, import.meta.url), 'utf8');

  it('shows the first vector', async () => {
    const examples = [...text.matchAll(/```json\n([^`]+)\n```/g)].map(([, json = '']) => JSON.parse(json) as unknown);
    expect(examples).toEqual((await shown[page]?.())?.map(cut));
  });

  it('has a vector for each refusal it lists, and lists the refusal of each vector', () => {
    const listed = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `([\w-]+)` \|$/gm)].map(
      ([, code, check]) => `${code} ${check}`,
    );
    const held = vectors(page).filter(({ check }) => check !== undefined);
    const all = [...held.map(({ result, check }) => `${result} ${check}`), ...(alsoOf[page] ?? []).flatMap(refusalsIn)];
    expect(new Set(listed)).toEqual(new Set(all));
  });
});

it('salts the frame key with the SHA-256 of the head, which the fin repeats', async () => {
  const head = encodeBase64url(await sha256(decodeBase64url(firstReply.head)));
  expect(parseFin(firstReply.fin).claims).toMatchObject({ head });
});
