/** Bytes that own their buffer: what WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A JWS algorithm in WebCrypto's words. */
export interface SigningMethod {
  readonly alg: string;
  readonly key: KeyParameters;
  readonly operation: OperationParameters;
}

export interface KeyParameters {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: string;
}

interface OperationParameters {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
}

/**
 * What costs time and is there in two forms: WebCrypto everywhere (`platform-web.ts`), `node:crypto` and Buffer in Node
 * (`platform-node.ts`), which spare the thread pool for what is done faster than it is handed over
 * (docs/decisions/2026-11-26-node-fast-path.md). The condition `node` of `#platform` in package.json chooses.
 * `test/platforms.test.ts` holds both to the same bytes and verdicts.
 */
export interface Platform {
  encodeBase64url(bytes: Uint8Array): string;
  /** Undefined where the text is not the one canonical spelling of bytes. */
  decodeBase64url(text: string): Bytes | undefined;
  /** With padding (RFC 4648 §4). */
  encodeBase64(bytes: Uint8Array): string;
  /** Undefined where the text is not the one canonical spelling of bytes. */
  decodeBase64(text: string): Bytes | undefined;
  sha256(bytes: Bytes): Promise<Bytes>;
  /** base64url SHA-256, of a text of its UTF-8 bytes. */
  digestB64u(message: Bytes | string): Promise<string>;
  /** The SHA-256 of each, one after another: a promise for many short messages, not for each. */
  sha256Each(messages: readonly Bytes[]): Promise<Bytes>;
  /** A256GCM under a fresh IV, which nobody can choose; the tag is the 128 bits after the ciphertext. */
  sealGcm(key: Bytes, plaintext: Uint8Array, additionalData: Bytes): Promise<SealedGcm>;
  /** As `sealGcm`, under a nonce that is counted: for keys that are derived for one stream of messages and end with it. */
  sealGcmAt(nonce: Bytes, key: Bytes, plaintext: Uint8Array, additionalData: Bytes): Promise<Omit<SealedGcm, 'iv'>>;
  /** HKDF with SHA-256 (RFC 5869), `length` bytes. */
  hkdf(secret: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes>;
  /** RSA-OAEP with SHA-256, to a public key. */
  encryptOaep(key: CryptoKey, plaintext: Bytes): Promise<Bytes>;
  /** @throws whatever the platform says of a key that it does not take */
  importSigner(jwk: object, method: SigningMethod): Promise<SignBytes>;
  verify(method: SigningMethod, key: CryptoKey, signature: Bytes, bytes: Bytes): Promise<boolean>;
}

export interface SealedGcm {
  /** 12 bytes. */
  readonly iv: Bytes;
  readonly ciphertext: Bytes;
  /** 16 bytes. */
  readonly tag: Bytes;
}

export type SignBytes = (bytes: Bytes) => Promise<Bytes>;

/** SHA-256 of what comes in pieces. */
export interface Sha256Stream {
  update(piece: Uint8Array): void;
  /** 32 bytes; nothing is added after it. */
  digest(): Bytes;
}

/** The one of this platform. */
export declare const platform: Platform;
/**
 * WebCrypto has none, so it is `node:crypto` in Node and `@noble/hashes` elsewhere. Beside `platform`, and not in it, so
 * that a bundle without streams is one without that package.
 */
export declare function sha256Stream(): Sha256Stream;
