import { Problem } from '@bulla/contract';

/** Where a page ended, as an opaque text for the next request. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a cursor names.
 * @param shape the type of each part, in order
 * @throws {Problem} validation_failed for a cursor that no page gave
 */
export function decodeCursor<Shape extends readonly ('string' | 'number')[]>(cursor: string, shape: Shape): { [Index in keyof Shape]: Shape[Index] extends 'string' ? string : number } {
  const place = parse(cursor);
  if (!Array.isArray(place) || place.length !== shape.length || place.some((part, index) => typeof part !== shape[index])) {
    throw new Problem('validation_failed', { errors: [{ pointer: '/cursor', message: 'must be a cursor from an earlier answer' }] });
  }
  return place as never;
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
