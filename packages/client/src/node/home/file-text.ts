import { open } from 'node:fs/promises';

const PIECE_BYTES = 65_536;

/**
 * The text of a file, or undefined if it has more bytes than this: a setting may name one without end.
 * @throws what the system says, as it says it
 */
export async function textWithin(path: string, maxBytes: number): Promise<string | undefined> {
  const file = await open(path);
  try {
    const pieces: Uint8Array[] = [];
    for (let length = 0; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES);
      if (bytesRead === 0) return Buffer.concat(pieces).toString('utf8');
      length += bytesRead;
      // guard: home-file-size
      if (length > maxBytes) return undefined;
      pieces.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
