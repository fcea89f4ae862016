import type { IncomingMessage } from 'node:http';
import { tooLarge } from './gate.js';

/**
 * The whole body of a request.
 * @throws {Refusal} payload_too_large, as soon as more came than may
 */
export function readBody(request: IncomingMessage, bodyBytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= bodyBytesMax) pieces.push(piece);
      else {
        // What still comes is thrown away, until it ends or takes too long: the app reads the refusal meanwhile.
        pieces.length = 0;
        // guard: proxy-body-read
        reject(tooLarge(bodyBytesMax));
      }
    });
    request.on('end', () => resolve(pieces.length === 1 ? (pieces[0] ?? new Uint8Array()) : Buffer.concat(pieces)));
    request.on('error', reject);
  });
}
