import { KeyFileError, readPrivateFile } from '../authentication/private-file.js';
import { TokenFault } from './token-fault.js';
import type { TokenPlace } from './token-place.js';

const PIN_MAX_BYTES = 4_096;
const NEW_LINE = 0x0a;

/** The PIN of a token from its file, without the end of its line. @throws {TokenFault} saying what is wrong with the file */
export async function readPin(place: TokenPlace): Promise<Buffer> {
  try {
    const bytes = await readPrivateFile(place.pinFile, PIN_MAX_BYTES);
    const end = bytes.at(-1) === NEW_LINE ? bytes.length - 1 : bytes.length;
    if (end === 0) throw new KeyFileError(`${place.pinFile}: there is no PIN in it`);
    return bytes.subarray(0, end);
  } catch (error) {
    if (error instanceof KeyFileError) throw new TokenFault('pin_file', place, error.message);
    throw error;
  }
}
