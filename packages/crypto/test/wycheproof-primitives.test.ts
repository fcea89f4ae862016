import { describe, expect, it } from '@jest/globals';
import type { JWK } from 'jose';
import { encodeBase64url } from '../src/encoding/bytes.js';
import { CryptoError } from '../src/names/errors.js';
import type { KeyRecord } from '../src/keys/keys.js';
import { isSignatureOf } from '../src/keys/keys.js';
import { loadUnwrapper, openFailed, openGcm } from '../src/tokens/open/compact.js';
import { checkShape } from '../src/encoding/schema.js';
import { Secret } from '../src/encoding/secret.js';
import { importForeign, material } from './vector-tokens.js';
import type { Outcome, Vector, VectorCase } from './wycheproof.js';
import { accepts, bytesOfHex, casesOf, excepted, findCase, requireBytes, runVectors } from './wycheproof.js';
import { agreeP256 } from '../src/keys/open/suite-p256.js';
import { checkP256Key, P256_KEYS } from '../src/keys/suite-p256.js';
import type { P256PrivateJwk, P256PublicJwk } from '../src/keys/suite-p256.js';
import type { PrivateJwk, PublicJwk, SignAlg } from '../src/keys/suites.js';

interface SignatureGroup {
  readonly publicKeyJwk?: PublicJwk;
  readonly publicKey: { readonly uncompressed?: string };
}
interface SignatureCase extends VectorCase {
  readonly msg: string;
  readonly sig: string;
}
interface OaepGroup {
  readonly privateKeyJwk: PrivateJwk;
}
interface OaepCase extends VectorCase {
  readonly msg: string;
  readonly ct: string;
  readonly label: string;
}
interface GcmCase extends VectorCase {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}

type SignatureVector = Vector<SignatureGroup, SignatureCase>;
type OaepVector = Vector<OaepGroup, OaepCase>;
type GcmVector = Vector<unknown, GcmCase>;
interface AgreementCase extends VectorCase {
  readonly public: unknown;
  readonly private: unknown;
  readonly shared: string;
}
type AgreementVector = Vector<unknown, AgreementCase>;

/** Exactly the listed exceptions and these numbers of cases. */
function expectOutcome(
  outcome: Outcome,
  file: string,
  counts: { cases: number; accepted: number; validRefused: number },
): void {
  expect(outcome.invalidAccepted).toEqual([]);
  expect(outcome.validRefused).toEqual(excepted(file, 'bulla', 'valid-refused'));
  expect({
    cases: outcome.cases,
    accepted: outcome.accepted.length,
    validRefused: outcome.validRefused.length,
  }).toEqual(counts);
}

/** The key of a group; one on a curve is written as a point, 04 and both coordinates, and not always as JWK. */
function keyOf({ publicKeyJwk, publicKey: { uncompressed } }: SignatureGroup): JWK {
  if (uncompressed === undefined) return material(publicKeyJwk ?? {});
  const [x, y] = [2, 66].map((start) => encodeBase64url(bytesOfHex(uncompressed.slice(start, start + 64))));
  return { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' };
}

function flipped(hex: string): string {
  return (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
}

describe('Wycheproof signatures', () => {
  const verify = (alg: SignAlg) => {
    const records = new Map<SignatureGroup, KeyRecord>();
    return async ({ test, group }: SignatureVector): Promise<void> => {
      const record = records.get(group) ?? ({ alg, use: 'sig', jwk: keyOf(group) } as KeyRecord);
      records.set(group, record);
      if (await isSignatureOf(record, bytesOfHex(test.msg), bytesOfHex(test.sig))) return;
      throw new CryptoError('signature_invalid', 'not valid');
    };
  };

  it.each([
    ['rsa_pss_2048_sha256_mgf1_32_test.json', 'PS256', { cases: 108, accepted: 63, validRefused: 0 }],
    ['rsa_pss_3072_sha256_mgf1_32_test.json', 'PS256', { cases: 108, accepted: 63, validRefused: 0 }],
    ['rsa_pss_4096_sha256_mgf1_32_test.json', 'PS256', { cases: 108, accepted: 63, validRefused: 0 }],
    ['ecdsa_secp256r1_sha256_p1363_test.json', 'ES256', { cases: 262, accepted: 173, validRefused: 0 }],
    ['ed25519_test.json', 'Ed25519', { cases: 151, accepted: 88, validRefused: 0 }],
  ] as const)('%s under %s: %j', async (file, alg, counts) => {
    expectOutcome(await runVectors(casesOf(file) as SignatureVector[], verify(alg)), file, counts);
  });

  it.each([
    ['rsa_pss_2048_sha256_mgf1_32_test.json', 'PS256', 2],
    ['ecdsa_secp256r1_sha256_p1363_test.json', 'ES256', 1],
    ['ed25519_test.json', 'Ed25519', 2],
  ] as const)('%s under %s: case %i is refused once signature or message is altered', async (file, alg, tcId) => {
    const { group, test } = findCase(casesOf(file) as SignatureVector[], tcId);
    const run = verify(alg);
    expect(await accepts(run({ group, test }))).toBe(true);
    expect(await accepts(run({ group, test: { ...test, sig: flipped(test.sig) } }))).toBe(false);
    expect(await accepts(run({ group, test: { ...test, msg: flipped(test.msg) } }))).toBe(false);
  });
});

describe('Wycheproof RSA-OAEP', () => {
  /** As tokens are opened: no label, 32 bytes. */
  const unwrap = async ({ test, group }: OaepVector): Promise<void> => {
    const unwrapper = await loadUnwrapper(material(group.privateKeyJwk) as PrivateJwk, 'RSA-OAEP-256');
    const key = await unwrapper.unwrap({ encryptedKey: bytesOfHex(test.ct) });
    requireBytes(key.reveal(), test.msg);
  };
  /** The same import and primitive without the limits of content keys: shows that invalid cases fail on their own account. */
  const decrypt = async ({ test, group }: OaepVector): Promise<void> => {
    const key = await importForeign(group.privateKeyJwk, 'RSA-OAEP-256');
    let message: ArrayBuffer;
    try {
      message = await crypto.subtle.decrypt(
        { name: 'RSA-OAEP', label: bytesOfHex(test.label) },
        key,
        bytesOfHex(test.ct),
      );
    } catch {
      throw openFailed();
    }
    requireBytes(new Uint8Array(message), test.msg);
  };
  const files = [2048, 3072, 4096].map((bits) => `rsa_oaep_${bits}_sha256_mgf1sha256_test.json`);

  it.each(files)('%s: 37 cases, one content key opened, 17 of other lengths refused', async (file) => {
    expectOutcome(await runVectors(casesOf(file) as OaepVector[], unwrap), file, {
      cases: 37,
      accepted: 1,
      validRefused: 17,
    });
  });

  it.each(files)('%s: 37 cases, 18 opened by the primitive with any length and label', async (file) => {
    const { cases, accepted, validRefused, invalidAccepted } = await runVectors(casesOf(file) as OaepVector[], decrypt);
    expect({ cases, accepted: accepted.length, validRefused, invalidAccepted }).toEqual({
      cases: 37,
      accepted: 18,
      validRefused: [],
      invalidAccepted: [],
    });
  });

  it.each(files)('%s: case 7 is refused once the ciphertext is altered', async (file) => {
    const { group, test } = findCase(casesOf(file) as OaepVector[], 7);
    expect(await accepts(unwrap({ group, test }))).toBe(true);
    expect(await accepts(unwrap({ group, test: { ...test, ct: flipped(test.ct) } }))).toBe(false);
  });
});

describe('Wycheproof ECDH on P-256', () => {
  const file = 'ecdh_secp256r1_webcrypto_test.json';
  const vectors = casesOf(file) as AgreementVector[];
  /** As an ephemeral key meets a private one: exactly these members, a point of the curve, then the platform. */
  const agree = async ({ test }: Pick<AgreementVector, 'test'>): Promise<void> => {
    const epk = checkShape<P256PublicJwk>(material(test.public as JWK), P256_KEYS.publicJwk, 'public key');
    checkP256Key(epk);
    const own = checkShape<P256PrivateJwk>(material(test.private as JWK), P256_KEYS.privateJwk, 'private key');
    const agreed = await agreeP256(await importForeign(own, 'ECDH-ES+A256KW'), epk);
    requireBytes(agreed.reveal(), test.shared);
  };

  it(`${file}: 353 cases, 330 agreed, the others refused`, async () => {
    expectOutcome(await runVectors(vectors, agree), file, { cases: 353, accepted: 330, validRefused: 0 });
  });
});

describe('Wycheproof AES-GCM', () => {
  const file = 'aes_gcm_test.json';
  const vectors = casesOf(file) as GcmVector[];
  const open = async ({ test }: Pick<GcmVector, 'test'>): Promise<void> => {
    const parts = { iv: bytesOfHex(test.iv), ciphertext: bytesOfHex(test.ct), tag: bytesOfHex(test.tag) };
    const message = await openGcm(new Secret(bytesOfHex(test.key)), parts, bytesOfHex(test.aad));
    requireBytes(message, test.msg);
  };

  it(`${file}: 316 cases, 39 opened, 190 with other key or IV lengths refused`, async () => {
    expectOutcome(await runVectors(vectors, open), file, { cases: 316, accepted: 39, validRefused: 190 });
  });

  it('opens exactly the valid cases with 256-bit keys and 96-bit IVs', async () => {
    const { accepted } = await runVectors(vectors, open);
    const due = vectors.filter(
      ({ test }) => test.key.length === 64 && test.iv.length === 24 && test.result === 'valid',
    );
    expect(accepted).toEqual(due.map(({ test }) => test.tcId));
  });

  it('refuses a case once any of its inputs is altered', async () => {
    const { accepted } = await runVectors(vectors, open);
    const controls = accepted
      .map((tcId) => findCase(vectors, tcId).test)
      .filter((test) => test.aad !== '' && test.ct !== '');
    expect(controls.length).toBeGreaterThan(10);
    for (const test of controls) {
      for (const input of ['key', 'iv', 'aad', 'ct', 'tag'] as const) {
        expect(await accepts(open({ test: { ...test, [input]: flipped(test[input]) } }))).toBe(false);
      }
    }
  });
});
