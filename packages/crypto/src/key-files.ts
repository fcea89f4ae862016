export type { ExportOptions, KeyFormat } from './key-files/key-export.js';
export { exportKeys } from './key-files/key-export.js';
export type { ImportOptions, PrivateKeyMaterial } from './key-files/key-import.js';
export { importKeys, importPrivateKeys, importPublicKeys } from './key-files/key-import.js';
export { keyMaterialOf } from './key-files/key-material.js';
export type { LockedHeader, Stretching } from './key-files/locked.js';
export { parseLocked, sealLocked } from './key-files/locked.js';
export type { PublicKey, PublicKeys } from './key-files/public-keys.js';
export { readPublicKeys, signPublicKeys } from './key-files/public-keys.js';
