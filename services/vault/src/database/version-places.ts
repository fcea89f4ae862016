import { sql } from 'kysely';
import type { VersionPlace } from './types.js';

/** Versions as a table to join: two parameters however many they are, and one plan. */
export function placesIn(places: readonly VersionPlace[]) {
  const ids = places.map(({ promptId }) => promptId);
  const versions = places.map(({ version }) => version);
  return sql<{
    prompt_id: string;
    version: number;
  }>`unnest(${ids}::text[], ${versions}::integer[])`.as<'place'>(sql`place(prompt_id, version)`);
}
