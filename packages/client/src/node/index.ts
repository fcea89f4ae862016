export type { DevelopmentOptions, DevelopmentOrganisation } from './development.js';
export { DEVELOPMENT_ORG, IDENTITY, prepareDevelopment, RESPONDER_KEYS, VAULT_KEYS } from './development.js';
export type { Release } from './home.js';
export { Home, HomeError } from './home.js';
export { readKeyFile } from './key-file.js';
export type { Profile } from './profile.js';
export { readProfile, writeProfile } from './profile.js';
export { FileTrustStore } from './trust-store.js';
