import type { KeyPurpose, KeyRecord, PrivateJwk, PublicJwk, Unwrapper } from '@bulla/crypto';
import {
  CryptoError,
  decodeBase64url,
  enrolmentFingerprint,
  enrolmentTicket,
  enrolmentWords,
  isEnrolmentMac,
  namesOf,
  parseInvitationCode,
  sealingKeyOf,
  Secret,
  ticketHash,
  utf8,
  verifyingKeyOf,
} from '@bulla/crypto';
import { importPrivateKeys, importPublicKeys, keyMaterialOf } from '@bulla/crypto/key-files';
import { loadUnwrapper } from '@bulla/crypto/open';
import type { Format } from './format.js';

const ALWAYS = { nbf: 0, use_until: 253_402_300_799, end: 253_402_300_799 };

/** The opener that a private key is, by the algorithm of its suite. */
export async function unwrapperOf(jwk: PrivateJwk): Promise<Unwrapper> {
  return loadUnwrapper(jwk, sealingKeyOf([await keyMaterialOf(jwk, 'enc')]).alg);
}

/** A key as a directory would list it that is always good. */
export async function recordOf(jwk: PublicJwk, purpose: KeyPurpose): Promise<KeyRecord> {
  const use = purpose === 'unwrap' || purpose === 'deposit' ? 'enc' : 'sig';
  const material = await keyMaterialOf(jwk, use);
  const { alg } = use === 'enc' ? sealingKeyOf([material]) : verifyingKeyOf([material]);
  return { kid: material.kid, use, alg, suite: material.suite, pur: [purpose], ...ALWAYS, jwk };
}

interface KeyFileFields {
  readonly file: string;
  readonly half: 'public' | 'private';
  readonly passphrase?: string;
}

/** docs/spec/key-files.md */
export const keyFiles = {
  async open({ file, half, passphrase }: KeyFileFields) {
    const bytes = decodeBase64url(file);
    const options = passphrase === undefined ? {} : { passphrase: async () => new Secret(utf8(passphrase)) };
    const keys = half === 'public' ? await importPublicKeys(bytes) : await importPrivateKeys(bytes, options);
    return {
      keys: keys.map((key) => {
        const { suite, kid, use, publicJwk: jwk } = key;
        const { hex, words } = namesOf(key);
        return { suite, kid, ...(use !== undefined && { use }), hex, words: words.join(' '), jwk };
      }),
    };
  },
} satisfies Format;

interface EnrolmentFields {
  readonly code: string;
  readonly sig_kid: string;
  readonly enc_kid: string;
  readonly mac: string;
}

/** docs/spec/enrolment.md: how the person who invited a device judges the keys that ask to come in. */
export const enrolments = {
  async verify({ code, sig_kid: sigKid, enc_kid: encKid, mac }: EnrolmentFields) {
    const { secret, ...shown } = parseInvitationCode(code);
    const keys = { org: shown.org, invitation: shown.id, sigKid, encKid };
    if (!(await isEnrolmentMac(mac, secret, keys)))
      throw new CryptoError('signature_invalid', 'not the keys of the device that has the code', {
        check: 'enrolment-mac',
      });
    const ticket = await enrolmentTicket(secret);
    const words = (await enrolmentWords(keys)).join(' ');
    return {
      ...shown,
      ticket,
      ticket_sha256: await ticketHash(ticket),
      words,
      fingerprint: await enrolmentFingerprint(keys),
    };
  },
} satisfies Format;
