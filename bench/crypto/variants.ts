import { ageVariant } from './age.js';
import { awsVariant } from './aws.js';
import { hpkeVariant } from './hpke.js';
import { joseVariant } from './jose.js';
import { letterVariant } from './letter.js';
import { nodeJoseVariant } from './node-jose.js';
import { nodePrimitivesVariant } from './node-primitives.js';
import { openPgpVariant } from './openpgp.js';
import { questionVariant } from './question.js';
import type { Variant } from './variant.js';

/** Everything that is measured with the same payload, in the order of the tables. */
export const VARIANTS = {
  letter: {
    title: '**Bulla, letter**',
    note: 'RSA-2048 PS256 inside RSA-OAEP-256 with AES-256-GCM, sender and recipient checked. All others are compared with it.',
    make: letterVariant,
  },
  question: {
    title: 'Bulla, question',
    note: 'the same suite; claims against a schema, keys from a directory, evidence hashes. More than a letter does.',
    make: questionVariant,
  },
  node: {
    title: "Node's primitives",
    note: 'the same primitives from `node:crypto` without token, header or check. Less than a letter does.',
    make: nodePrimitivesVariant,
  },
  jose: {
    title: 'jose',
    note: 'compact JWE around compact JWS, the same suite. Like for like.',
    make: joseVariant,
  },
  'node-jose': {
    title: 'node-jose',
    note: 'compact JWE around compact JWS, the same suite. Like for like.',
    make: nodeJoseVariant,
  },
  'aws-signed': {
    title: 'AWS Encryption SDK, signed',
    note: 'RSA-OAEP-256 keyring, key commitment, ECDSA P-384 by a key of the message: its signature names no sender.',
    make: () => awsVariant(true),
  },
  aws: {
    title: 'AWS Encryption SDK',
    note: 'the same without a signature. Less than a letter does.',
    make: () => awsVariant(false),
  },
  'openpgp-rsa': {
    title: 'openpgp, RSA-2048',
    note: 'signed and encrypted, PKCS #1 v1.5, the format as it comes. The same job in an older suite.',
    make: () => openPgpVariant({ type: 'rsa', rsaBits: 2048 }),
  },
  'openpgp-25519': {
    title: 'openpgp, Curve25519',
    note: 'the same job; another suite, whose private keys cost less.',
    make: () => openPgpVariant({ type: 'curve25519' }),
  },
  age: {
    title: 'age (typage)',
    note: 'X25519, nothing is signed. Less than a letter does, in another suite.',
    make: ageVariant,
  },
  hpke: {
    title: 'hpke with Ed25519',
    note: 'X25519, AES-256-GCM, WebCrypto signature inside; no format. Another suite.',
    make: hpkeVariant,
  },
} as const satisfies Record<string, { title: string; note: string; make: () => Promise<Variant> }>;

export type VariantName = keyof typeof VARIANTS;
export const VARIANT_NAMES = Object.keys(VARIANTS) as VariantName[];
