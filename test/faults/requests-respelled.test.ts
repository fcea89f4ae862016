import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '@bulla/service-kit/testing';
import type { Asked } from '../../services/responder/test/asking.js';
import { ask, storePrompt } from '../../services/responder/test/asking.js';
import { query } from './postgres-control.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { rawOf, signedMessage } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// F40: what was used once comes again, spelled otherwise. It has no second effect, whichever spelling came first.

const databases = [await databaseForTest(), await databaseForTest()];
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withServer = vaultUrl === '' ? describe.skip : describe;
afterAll(async () => {
  for (const database of databases) await database.drop();
});

/** Changes the value of a header in a raw message. */
const header = (name: string, change: (value: string) => string) => (raw: string) =>
  raw.replace(new RegExp(`^${name}: (.*)\\r$`, 'm'), (_line, value: string) => `${name}: ${change(value)}\r`);

/** The same bytes in base64, with bits that do not count set in the last character. */
const trailingBits = (text: string) => {
  const at = text.search(/=*$/);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const last = letters.indexOf(text[at - 1] ?? '');
  return `${text.slice(0, at - 1)}${letters[last + 1] ?? '-'}${text.slice(at)}`;
};
const signatureBytes = (change: (text: string) => string) =>
  header('signature', (value) => value.replace(/:(.*):/, (_all, bytes: string) => `:${change(bytes)}:`));

/** A signature may have no letter in which two alphabets differ: then another one is made. */
const TRIES_MAX = 5;

const asItWas = (raw: string) => raw;
const RESPELLED: readonly [string, (raw: string) => string][] = [
  ['as it was', asItWas],
  ['with header names in capitals', (raw) => raw.replaceAll(/^[a-z-]+(?=: )/gm, (name) => name.toUpperCase())],
  [
    'with its headers in another order',
    (raw) => {
      const [head = '', body = ''] = raw.split('\r\n\r\n');
      const [line = '', ...fields] = head.split('\r\n');
      return `${[line, ...fields.toReversed()].join('\r\n')}\r\n\r\n${body}`;
    },
  ],
  ['with white space around its values', (raw) => raw.replaceAll(/^([a-z-]+): (.*)\r$/gm, '$1: \t $2 \t\r')],
  ['with a header twice', header('signature', (value) => `${value}\r\nsignature: ${value}`)],
  ['with two signatures in one', header('signature', (value) => `${value}, ${value.replace('bulla', 'other')}`)],
  ['with an encoded path', (raw) => raw.replace('/api/v1/prompts', '/api/v1/%70rompts')],
  ['with a path of two slashes', (raw) => raw.replace('/api/v1/prompts', '/api//v1/prompts')],
  ['with a slash after its path', (raw) => raw.replace('/api/v1/prompts', '/api/v1/prompts/')],
  ['with dots in its path', (raw) => raw.replace('/api/v1/prompts', '/api/v1/x/../prompts')],
  ['with an empty query', (raw) => raw.replace('/api/v1/prompts', '/api/v1/prompts?')],
  ['with a query', (raw) => raw.replace('/api/v1/prompts', '/api/v1/prompts?a')],
  ['with a whole URL as its target', (raw) => raw.replace('/api/v1/prompts', 'http://127.0.0.1/api/v1/prompts')],
  ['to another name of this machine', header('host', (value) => value.replace('127.0.0.1', 'localhost'))],
  ['to a name in capitals', header('host', (value) => value.replace('127.0.0.1', 'LOCALHOST'))],
  ['with a dot after its host', header('host', (value) => value.replace(':', '.:'))],
  ['with a signature without padding', signatureBytes((text) => text.replace(/=+$/, ''))],
  ['with a signature padded too much', signatureBytes((text) => `${text}==`)],
  ['with white space in its signature', signatureBytes((text) => `${text.slice(0, 9)} ${text.slice(9)}`)],
  ['with a signature in base64url', signatureBytes((text) => text.replaceAll('+', '-').replaceAll('/', '_'))],
  ['with bits that do not count in its signature', signatureBytes(trailingBits)],
  ['with white space in what is signed', header('signature-input', (value) => value.replaceAll(';', ' ; '))],
  ['with a parameter twice in what is signed', header('signature-input', (value) => `${value};tag="bulla-req-1"`)],
  ['with another Idempotency-Key', header('idempotency-key', () => 'another-key-0123456789')],
  [
    'with white space in its body',
    (raw) =>
      raw
        .replace('{"id"', '{ "id"')
        .replace(/(content-length: )(\d+)/, (_a, name: string, n: string) => `${name}${Number(n) + 1}`),
  ],
  [
    'in chunks',
    (raw) => {
      const [head = '', body = ''] = raw.split('\r\n\r\n');
      const chunked = head.replace(/content-length: \d+/, 'transfer-encoding: chunked');
      return `${chunked}\r\n\r\n${body.length.toString(16)};a=b\r\n${body}\r\n0\r\n\r\n`;
    },
  ],
  ['in HTTP/1.0', (raw) => raw.replace('HTTP/1.1', 'HTTP/1.0')],
  ['with its method in small letters', (raw) => raw.replace(/^POST/, 'post')],
  ['by another method', (raw) => raw.replace(/^POST/, 'PUT')],
];

withServer('a request to the vault', () => {
  let world: VaultWorld;
  beforeAll(async () => {
    world = await startVaultWorld(vaultUrl);
  });
  afterAll(() => world.stop());

  /** A fresh request that is spelled otherwise by a change, and how many prompts it has made. */
  async function fresh(
    respell: (raw: string) => string,
    tries = 1,
  ): Promise<{ raw: string; rows: () => Promise<number> }> {
    const id = mintId('prm');
    const body = { id, name: `respelled/${id.slice(4)}`, type: 'text' };
    const message = await signedMessage(world.vault.url, world.organisation.author, 'POST', '/api/v1/prompts', {
      body,
    });
    const rows = async () => (await query({ url: vaultUrl }, `select 1 from vault.prompt where id = '${id}'`)).length;
    const raw = rawOf(message);
    const isRespelled = respell(raw) !== raw;
    if (!isRespelled && respell !== asItWas && tries < TRIES_MAX) return fresh(respell, tries + 1);
    expect(isRespelled).toBe(respell !== asItWas);
    return { raw, rows };
  }
  const statusOf = async (raw: string) => (await exchangeRaw(world.vault.port, raw)).status;

  it.each(RESPELLED)('that was taken is refused %s', async (_name, respell) => {
    const { raw, rows } = await fresh(respell);
    expect(await statusOf(raw)).toBe(201);
    const again = await statusOf(respell(raw));
    expect([again >= 400 && again < 500, await rows()]).toEqual([true, 1]);
  });

  it.each(RESPELLED)('is taken once when it comes first %s', async (_name, respell) => {
    const { raw, rows } = await fresh(respell);
    const statuses = [await statusOf(respell(raw)), await statusOf(raw)];
    // Whichever of the two it takes, it takes one.
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status !== 201 && (status < 400 || status >= 500))).toEqual([]);
    expect(await rows()).toBe(1);
  });
});

/** Respells one part of a compact token. */
const part = (n: number, change: (text: string) => string) => (token: string) => {
  const parts = token.split('.');
  return parts.with(n, change(parts[n] ?? '')).join('.');
};
const TOKENS: readonly [string, (token: string) => string][] = [
  ['with padding', (token) => `${token}=`],
  ['with padding in its header', part(0, (text) => `${text}==`)],
  ['with white space before it', (token) => ` ${token}`],
  ['with a line end after it', (token) => `${token}\n`],
  ['with white space in its second part', part(1, (text) => `${text.slice(0, 9)} ${text.slice(9)}`)],
  ['with a line end in its header', part(0, (text) => `${text.slice(0, 9)}\n${text.slice(9)}`)],
  ['with bits that do not count', (token) => trailingBits(token)],
  ['in base64 of another alphabet', (token) => token.replaceAll('-', '+').replaceAll('_', '/')],
  ['with a part more', (token) => `${token}.`],
  [
    'with a header of another spelling',
    part(0, (text) => Buffer.from(Buffer.from(text, 'base64url').toString().replace('{', '{ ')).toString('base64url')),
  ],
  [
    'with a header member twice',
    part(0, (text) =>
      Buffer.from(Buffer.from(text, 'base64url').toString().replace('{', '{"alg":"none",')).toString('base64url'),
    ),
  ],
];
type Place = 'inv' | 'env' | 'grant' | 'content';
const PLACES: readonly Place[] = ['inv', 'env', 'grant', 'content'];

withServer('a question', () => {
  let world: ResponderWorld;
  beforeAll(async () => {
    world = await startResponderWorld(responderUrl);
  });
  afterAll(() => world.stop());

  function respelled({ body, ...rest }: Asked, place: Place, respell: (token: string) => string): Asked {
    const { inv, bundle } = body;
    if (place === 'inv') return { ...rest, body: { bundle, inv: respell(inv) } };
    return { ...rest, body: { inv, bundle: { ...bundle, [place]: respell(bundle[place] ?? '') } } };
  }

  /** A question that is spelled otherwise by a change. */
  async function questionFor(place: Place, respell: (token: string) => string): Promise<Asked> {
    let asked = await world.question();
    for (let tries = 1; tries < TRIES_MAX && isAlike(asked, respelled(asked, place, respell)); tries++) {
      const prompt = await storePrompt(world.organisation);
      asked = await ask(world.organisation, prompt, { now: Math.floor(Date.now() / 1000) });
    }
    return asked;
  }
  const isAlike = (one: Asked, other: Asked) => JSON.stringify(one.body) === JSON.stringify(other.body);

  describe.each(PLACES)('whose %s is spelled otherwise', (place) => {
    it.each(TOKENS)('%s is refused before and after it was answered', async (_name, respell) => {
      const asked = await questionFor(place, respell);
      const changed = respelled(asked, place, respell);
      expect(isAlike(changed, asked)).toBe(false);
      const before = await world.send(changed);
      expect(await world.outcome(asked, await world.send(asked))).toMatchObject({ kind: 'answer' });
      const after = await world.send(changed);
      expect([before, after].filter(({ status }) => status < 400 || status >= 500)).toEqual([]);
      expect(world.upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    });
  });
});
