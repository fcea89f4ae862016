import type { KekContext } from '@bulla/crypto/open';

export type { KekContext };

/** The kinds of place that a root key can be in. */
export type RootKeyKind = 'file' | 'passphrase' | 'shamir' | 'openbao' | 'pkcs11' | 'aws';

/** What is stored of a wrapped KEK at most, in characters. */
export const WRAPPED_KEK_CHARS_MAX = 4_096;

/**
 * One root key, wherever it is: it wraps the keys of organisations and nothing else. What every provider does is tried by
 * `root-key-contract.ts`.
 */
export interface RootKeyProvider {
  readonly name: RootKeyKind;
  /** "root:<name>:<version or fingerprint>", at most 128 characters. Another key has another one, and a restart changes nothing. */
  readonly kid: string;
  /** Where it is no product that would be used in production: what people are told of it. */
  readonly standIn?: string | undefined;
  /** @returns text for a column, at most {@link WRAPPED_KEK_CHARS_MAX} characters. @throws {RootKeyFault} unavailable, sealed */
  wrap(kek: Uint8Array, context: KekContext): Promise<string>;
  /** @returns 32 bytes, which the caller wipes. @throws {RootKeyFault} wrong_key, also for another context; unavailable; sealed */
  unwrap(wrapped: string, context: KekContext): Promise<Uint8Array>;
  /** The key-check value, which is stored once. @throws {RootKeyFault} unavailable, sealed */
  makeCheck(): Promise<string>;
  /** Whether a stored key-check value is of this key. Writes nothing. @throws {RootKeyFault} unavailable, sealed */
  verifyCheck(value: string): Promise<boolean>;
  /** @throws {RootKeyFault} while it cannot be used */
  health(): Promise<void>;
  /** Wipes what is held; nothing is asked of it afterwards. */
  close(): Promise<void>;
}

export type RootKeyFaultCode = 'wrong_key' | 'unavailable' | 'sealed';

/** Why a root key did not do what it was asked; the message names the provider and never a key. */
export class RootKeyFault extends Error {
  override readonly name = 'RootKeyFault';
  readonly code: RootKeyFaultCode;

  constructor(code: RootKeyFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A root key that `BULLA_ROOT_KEY` names and that cannot be one: the start ends with it. */
export class RootKeyRefused extends Error {
  override readonly name = 'RootKeyRefused';
  /** Bad settings (docs/guide/configuration.md). */
  readonly exitCode = 78;
}
