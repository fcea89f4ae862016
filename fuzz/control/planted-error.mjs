/**
 * A parser with a fault, which every run has to find before it may say that it found none: behind a word that nobody
 * guesses in one piece, a length that is believed.
 * @param {Uint8Array} input
 */
export function fuzz(input) {
  const word = 'seal';
  for (let at = 0; at < word.length; at++) if (input[at] !== word.charCodeAt(at)) return;
  const length = input[word.length] ?? 0;
  if (length > 128 && length > input.length) throw new RangeError('planted: a length is believed');
}
