/** Entries in batches of no more than so many and so many bytes; one that is larger by itself goes alone. */
export function* batchesOf<Entry>(
  entries: readonly Entry[],
  { countMax, bytesMax, sizeOf }: { countMax: number; bytesMax: number; sizeOf: (entry: Entry) => number },
): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (batch.length > 0 && (batch.length >= countMax || bytes + size > bytesMax)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
