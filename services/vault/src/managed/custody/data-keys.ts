import type { WrapContext } from '@bulla/crypto/open';

/** A data key under a KEK of its organisation, as it is stored. */
export interface WrappedDataKey {
  readonly kekVersion: number;
  readonly wrap: string;
}

/** Wraps the data keys of managed names, and unwraps them: the keyring, where the vault has a root key. */
export abstract class DataKeys {
  abstract wrap(dek: Uint8Array, context: WrapContext): Promise<WrappedDataKey>;
  /** @returns 32 bytes, which the caller wipes */
  abstract unwrap(wrap: WrappedDataKey, context: WrapContext): Promise<Uint8Array>;
}
