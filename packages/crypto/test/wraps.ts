import { createHash } from 'node:crypto';
import type { KekContext, WrapContext } from '@bulla/crypto/open';
import { dataKeyCommitment } from '@bulla/crypto';
import { openKek, openKekWrap, parseKek, parseKekWrap, sealKek, sealKekWrap } from '@bulla/crypto/open';

/** Keys under keys, of both formats: what their tests need of either. */

export const DEK = new Uint8Array(32).fill(1);
const KEK = new Uint8Array(32).fill(2);
const ROOT = new Uint8Array(32).fill(3);
export const KID = 'kek:acme:7';
export const ROOT_KID = 'root:file:1';
export const CONTEXT: WrapContext = {
  org: 'acme',
  sub: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn',
  ver: 3,
  dek: `dek_${'5b'.repeat(16)}`,
  chash: 'A'.repeat(43),
  dkc: createHash('sha256').update('bulla data key\0').update(DEK).digest('base64url'),
};
export const KEK_CONTEXT: KekContext = { org: 'acme', kek: KID, kver: 7 };

export interface Opened {
  readonly token: string;
  readonly key?: Uint8Array;
  readonly kid?: string;
  readonly context?: object;
}

export interface Format {
  readonly name: string;
  readonly seal: (change?: { key?: Uint8Array; under?: Uint8Array; kid?: string; context?: object }) => Promise<string>;
  readonly open: (change: Opened) => Promise<Uint8Array>;
  readonly header: (token: string) => object;
  readonly under: Uint8Array;
}

export const WRAP: Format = {
  name: 'a wrapped content key',
  seal: async ({ key = DEK, under = KEK, kid = KID, context = {} } = {}) =>
    sealKekWrap(key, under, kid, { ...CONTEXT, dkc: await dataKeyCommitment(key), ...context }),
  // Of whatever key it is, unless the test says what its content commits to.
  open: async ({ token, key = KEK, kid = KID, context = {} }) =>
    openKekWrap(token, key, kid, { ...CONTEXT, dkc: parseKekWrap(token).header.dkc, ...context }),
  header: (token) => parseKekWrap(token).header,
  under: KEK,
};
export const ORGANISATION: Format = {
  name: "a wrapped organisation's key",
  seal: ({ key = DEK, under = ROOT, kid = ROOT_KID, context = {} } = {}) =>
    sealKek(key, under, kid, { ...KEK_CONTEXT, ...context }),
  open: ({ token, key = ROOT, kid = ROOT_KID, context = {} }) =>
    openKek(token, key, kid, { ...KEK_CONTEXT, ...context }),
  header: (token) => parseKek(token).header,
  under: ROOT,
};
export const FORMATS = [WRAP, ORGANISATION];
