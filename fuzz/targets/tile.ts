import { deepEqual, equal } from 'node:assert/strict';
import {
  encodeEntryBundle,
  encodeHashTile,
  parseEntryBundle,
  parseHashTile,
  parseTilePath,
  tilePath,
} from '@bulla/crypto/log';
import { linesOf, own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** A tile or a bundle of a log: its path on the first line, then its bytes. */
export function fuzz(input: Uint8Array): boolean {
  const [first = new Uint8Array(), rest = new Uint8Array()] = linesOf(input, 2);
  const path = textOf(first);
  const tile = read(() => parseTilePath(path));
  if (tile === undefined) return false;
  equal(tilePath(tile), path);
  const bytes = own(rest);
  const parts = read(() =>
    tile.level === 'entries' ? parseEntryBundle(bytes, tile.width) : parseHashTile(bytes, tile.width),
  );
  if (parts === undefined) return false;
  equal(parts.length, tile.width);
  deepEqual(tile.level === 'entries' ? encodeEntryBundle(parts) : encodeHashTile(parts), bytes);
  return true;
}
