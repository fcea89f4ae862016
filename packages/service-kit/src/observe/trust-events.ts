import { LogEvent } from './event-log.js';

export const TRUST_LOADED = new LogEvent<{ org: string; directoryVersion: number }>('trust-loaded', 'info');
export const TRUST_NOT_LOADED = new LogEvent<{ org: string; code: string }>('trust-not-loaded', 'warn');
/** Somebody else holds another directory of this version: the vault lies to one of us (protocol.md §2.4 step 8). */
export const TRUST_FORK = new LogEvent<{ org: string; directoryVersion: number }>('trust-fork', 'error');
