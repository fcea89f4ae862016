import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';

const { INT8, BYTEA } = pg.types.builtins;

/** int8 as a number; a count or id beyond 2^53 would be wrong silently, so it is an error. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('an int8 of the database is not a safe integer');
  return value;
}

/** bytea in its hexadecimal form, `\x…`. */
function parseBytea(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}

/** How pg reads columns: as PGlite does below, so that rows look the same on both. */
export const pgTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: Parameters<typeof pg.types.getTypeParser>[0], format?: 'text') => {
    if (oid === INT8) return parseInt8;
    if (oid === BYTEA) return parseBytea;
    return pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

/**
 * Opens the embedded database. One process may hold a folder, and one instance serves all its services;
 * the caller who opens it closes it, after them.
 * @param dataDir an existing folder's child, made when absent; in memory without it.
 */
export async function openPglite(dataDir?: string): Promise<PGlite> {
  // Loaded when it is wanted: a service that has a server has no use for it, and its image does not contain it.
  const { PGlite: Embedded } = await import('@electric-sql/pglite');
  const options = { parsers: { [INT8]: parseInt8, [BYTEA]: parseBytea } };
  return Embedded.create(dataDir === undefined ? options : { ...options, dataDir });
}
