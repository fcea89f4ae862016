import type { Bytes, SealedGcm } from '../platform.js';

/** As platform.ts, of what takes content keys: services that open nothing do not have it. */
export interface OpenPlatform {
  /** A256GCM with a tag of 128 bits. @throws whatever the platform says of a wrong tag */
  openGcm(key: Bytes, sealed: SealedGcm, additionalData: Bytes): Promise<Bytes>;
}

/** The one of this platform. */
export declare const openPlatform: OpenPlatform;
