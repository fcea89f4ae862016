export type { Addresses } from './addresses.js';
export { findAddresses, plannedUrls } from './addresses.js';
export type { StandaloneSettings } from './settings.js';
export { readStandaloneSettings, standaloneSettings } from './settings.js';
export type { ServedOrganisation, Standalone, StandaloneOptions } from './standalone.js';
export { start } from './standalone.js';
export { StartError } from './start-error.js';
