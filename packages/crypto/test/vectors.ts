import { readFileSync } from 'node:fs';

/** All vectors of the repository stand in one place, our own golden files in its folder `golden/`. */
const FOLDER = new URL('../../conformance/vectors/', import.meta.url);

/**
 * The text of a file of vectors.
 * @param path such as `golden/answer.json`
 */
export function readVectorText(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8');
}

/**
 * The JSON of a file of vectors.
 * @param path such as `golden/tag.json`
 */
export function readVectors(path: string): unknown {
  return JSON.parse(readVectorText(path));
}
