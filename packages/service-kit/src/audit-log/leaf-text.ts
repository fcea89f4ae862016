const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The text of a leaf as the database has it. What somebody put there that is no UTF-8 becomes a text all the same, with
 * another hash: no tree that is signed has that.
 */
export function leafText(leaf: Uint8Array): string {
  return decoder.decode(leaf);
}
