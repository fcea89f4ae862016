import { Problem } from '@bulla/contract';

type Part = 'string' | 'number';
type Place<Shape extends readonly Part[]> = { [Index in keyof Shape]: Shape[Index] extends 'string' ? string : number };

/** Largest number that an integer of the database compares with: a cursor that was tampered with must not make it fail. */
const INTEGER_MAX = 2_147_483_647;
/** Names, ids, keys and URNs are made of these. */
const TEXT = /^[A-Za-z0-9.:_/-]{1,160}$/;

/** Where a page ended, as an opaque text for the next request. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a cursor names.
 * @param shape the type of each part, in order
 * @param numberMax of numbers, where the database has larger ones.
 * @throws {Problem} validation_failed for a cursor that no page gave
 */
export function decodeCursor<const Shape extends readonly Part[]>(
  cursor: string,
  shape: Shape,
  numberMax = INTEGER_MAX,
): Place<Shape> {
  const place = parse(cursor);
  if (
    !Array.isArray(place) ||
    place.length !== shape.length ||
    !place.every((part, index) => fits(part, shape[index], numberMax))
  ) {
    const errors = [{ pointer: '/cursor', message: 'must be a cursor from an earlier answer' }];
    throw new Problem('validation_failed', { errors });
  }
  return place as Place<Shape>;
}

function fits(part: unknown, kind: Part | undefined, numberMax: number): boolean {
  if (kind === 'string') return typeof part === 'string' && TEXT.test(part);
  return Number.isInteger(part) && (part as number) >= 0 && (part as number) <= numberMax;
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
