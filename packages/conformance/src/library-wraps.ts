import { decodeBase64url, encodeBase64url } from '@bulla/crypto';
import type { KekContext, WrapContext } from '@bulla/crypto/open';
import { keyCheck, openKek, openKekWrap, sealKek, sealKekWrap } from '@bulla/crypto/open';
import type { Format } from './format.js';

/** The members of the vectors: the key in question, the key that it is under, and its name. */
interface Sealing {
  readonly key: string;
  readonly under: string;
  readonly kid: string;
}
type Opening = Omit<Sealing, 'key'> & { readonly token: string };

/** docs/spec/wrap.md */
export const wraps = {
  async seal({ key, under, kid, ...context }: WrapContext & Sealing) {
    return { token: await sealKekWrap(decodeBase64url(key), decodeBase64url(under), kid, context) };
  },
  async open({ token, under, kid, ...context }: WrapContext & Opening) {
    return { key: encodeBase64url(await openKekWrap(token, decodeBase64url(under), kid, context)) };
  },
} satisfies Format;

/** docs/spec/wrap.md */
export const organisationKeys = {
  async seal({ key, under, kid, ...context }: KekContext & Sealing) {
    return { token: await sealKek(decodeBase64url(key), decodeBase64url(under), kid, context) };
  },
  async open({ token, under, kid, ...context }: KekContext & Opening) {
    return { key: encodeBase64url(await openKek(token, decodeBase64url(under), kid, context)) };
  },
} satisfies Format;

/** docs/spec/wrap.md */
export const keyChecks = {
  async verify({ root }: { root: string }) {
    return { check: await keyCheck(decodeBase64url(root)) };
  },
} satisfies Format;
