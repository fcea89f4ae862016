import { constants, createHash, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import type { SealAlg, Unwrapper } from '@bulla/crypto';
import {
  CryptoError,
  encodeBase64url,
  generateKeyPair,
  mintId,
  dataKeyCommitment,
  sealGrant,
  Secret,
  urnOf,
  parseGrant,
} from '@bulla/crypto';
import { loadUnwrapper, openGrant } from '@bulla/crypto/open';

/**
 * Ways in which something sealed to an RSA key may not open, and one in which it does. A grant is opened, since nothing but
 * its length is looked at afterwards: what differs, differs in using the key.
 */
export const CLASSES = {
  opens: 'it opens',
  tag: 'good OAEP, bad tag',
  oaep: 'bad OAEP: another encrypted key',
  hash: 'bad OAEP: the first byte right, the rest not',
  length: 'good OAEP, a content key of 16 bytes',
  planted: 'bad OAEP, with a delay planted',
} as const;
export type Class = keyof typeof CLASSES;
export const CLASS_NAMES = Object.keys(CLASSES) as Class[];

export interface Sample {
  /** Opens one of the class, whichever is next. */
  open(): Promise<unknown>;
}

/** How many of each class there are: one alone could be slow by itself. */
const EACH = 64;
const ORG = 'acme';
/** What the planted delay hashes: ten or twenty microseconds. */
const DELAY = Buffer.alloc(32_768);

/** @throws {Error} if one does not end as its class should */
export async function makeClasses(): Promise<Record<Class, Sample>> {
  const pair = await generateKeyPair('rsa2048', 'enc');
  const key = createPublicKey({ key: { ...pair.publicJwk }, format: 'jwk' });
  const unwrapper = await loadUnwrapper(pair.privateJwk, pair.alg as SealAlg);
  const urn = urnOf(ORG, 'svc', 'responder:eu1');
  const record = { kid: pair.kid, use: 'enc', alg: pair.alg, suite: pair.suite, jwk: pair.publicJwk } as const;
  const times = { nbf: 0, use_until: 2_000_000_000, end: 2_000_000_000 };
  const hash = encodeBase64url(Uint8Array.from(randomBytes(32)));
  const dekId = `dek_${randomBytes(16).toString('hex')}`;
  const dek = Uint8Array.from(randomBytes(32));
  const dkc = await dataKeyCommitment(dek);
  const place = { sub: urnOf(ORG, 'prompt', mintId('prm')), ver: 1, dekId, chash: hash, dkc };
  const seal = () =>
    sealGrant(
      new Secret(dek),
      { ...place, protectUntil: '2029-12-31' },
      { urn, record: { ...record, pur: ['unwrap'], ...times } },
    );

  /** A grant with its encrypted key or its tag replaced. */
  const changed = async (at: 1 | 4, change: (part: Buffer) => Buffer) => {
    const parts = (await seal()).split('.');
    parts[at] = change(Buffer.from(parts[at] ?? '', 'base64url')).toString('base64url');
    return parts.join('.');
  };
  const raw = (first: number) => () => {
    // Below the modulus in any case: its first byte is 0x80 or more.
    const block = Buffer.concat([Buffer.of(first), randomBytes(255)]);
    return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  };
  const short = () => publicEncrypt({ key, oaepHash: 'sha256' }, randomBytes(16));
  const make: Record<Class, () => Promise<string>> = {
    opens: seal,
    tag: () => changed(4, (tag) => Buffer.from(tag.map((byte, at) => (at === 0 ? byte ^ 1 : byte)))),
    oaep: () => changed(1, raw(1)),
    hash: () => changed(1, raw(0)),
    length: () => changed(1, short),
    planted: () => changed(1, raw(1)),
  };
  const classes: Partial<Record<Class, Sample>> = {};
  for (const name of CLASS_NAMES) {
    const tokens = await Promise.all(Array.from({ length: EACH }, make[name]));
    const opener = name === 'planted' ? slowToRefuse(unwrapper) : unwrapper;
    let at = 0;
    const open = () => openGrant(parseGrant(tokens[at++ % EACH] as string), opener, { ...place, urn });
    for (const _token of tokens) await requireEnd(name, open);
    classes[name] = { open };
  }
  return classes as Record<Class, Sample>;
}

/** Tells bad OAEP by a delay, as a careless opener would: the test has to find it. */
function slowToRefuse(unwrapper: Unwrapper): Unwrapper {
  return {
    ...unwrapper,
    async unwrap(wrapped) {
      try {
        return await unwrapper.unwrap(wrapped);
      } catch (error) {
        createHash('sha256').update(DELAY).digest();
        throw error;
      }
    },
  };
}

async function requireEnd(name: Class, open: Sample['open']): Promise<void> {
  const end = await open().then(
    () => 'opens',
    (error: unknown) => (error instanceof CryptoError ? error.code : 'unknown'),
  );
  if (end !== (name === 'opens' ? 'opens' : 'open_failed')) throw new Error(`${CLASSES[name]}: it ends as ${end}`);
}
