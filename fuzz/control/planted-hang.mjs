/**
 * A parser that does not come back from one input: it looks for the end of what has none.
 * @param {Uint8Array} input
 */
export async function fuzz(input) {
  let at = 0;
  while (input[0] === 0x28 && input[1] === 0x28 && input[at] !== 0x29) at = (at + 1) % input.length;
}
