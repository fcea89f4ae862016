import type { Fields, Operation } from './protocol.js';

/** What an implementation does with one format. */
export type Format = Partial<Readonly<Record<Operation, (input: never) => Promise<Fields>>>>;
