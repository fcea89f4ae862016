import { findPostgres } from '@bulla/testkit';
import { describe } from '@jest/globals';

export type Store = 'PostgreSQL' | 'PGlite';

const hasServer = findPostgres() !== undefined;

/** Both databases, where both can be had. */
export const stores: readonly Store[] = hasServer ? ['PostgreSQL', 'PGlite'] : ['PGlite'];
/** For what only a server can show. Where none is installed these tests cannot mean anything. */
export const describeOnServer = hasServer ? describe : describe.skip;
