import type { SealingKey, Signer, Unwrapper, VerifyingKey } from '@bulla/crypto';
import type { Letter } from '@bulla/crypto/letters';
import { CryptoError } from '@bulla/crypto';
import { sealStreamedLetter } from '@bulla/crypto/letters';
import { openStreamedLetter } from '@bulla/crypto/open';
import type { Context } from '../context.js';
import { writeNewPieces } from '../input/file-streams.js';
import { UsageError } from '../input/usage-error.js';

/** Files of any size for `bulla seal --stream` and `bulla open` (docs/spec/streamed-letter.md). */

/** Where they go: a file that is not there yet, or standard output. */
type Place = string | undefined;

/** Seals a file while it is read. */
export async function sealPieces(
  context: Context,
  source: AsyncIterable<Uint8Array>,
  {
    letter,
    signer,
    recipient,
    output,
  }: {
    readonly letter: Omit<Letter, 'content'>;
    readonly signer: Signer;
    readonly recipient: SealingKey;
    readonly output: Place;
  },
): Promise<void> {
  refuseTerminal(context, output);
  await put(context, sealStreamedLetter(source, letter, signer, recipient), output, 0o644);
}

/**
 * Opens a file while it is read.
 * @returns what is said of it, or undefined where nobody read it to its end
 */
export async function openPieces(
  context: Context,
  source: AsyncIterable<Uint8Array>,
  {
    unwrapper,
    sender,
    output,
  }: {
    readonly unwrapper: Unwrapper;
    readonly sender: VerifyingKey;
    readonly output: Place;
  },
): Promise<Omit<Letter, 'content'> | undefined> {
  refuseTerminal(context, output);
  const { content, ...letter } = await explained(() => openStreamedLetter(source, unwrapper, sender), '');
  const after = output === undefined ? '; what came out of it so far is not to be used' : '; nothing was written';
  const isWhole = await explained(() => put(context, content, output, 0o600), after);
  return isWhole ? letter : undefined;
}

/** @returns whether all of it was taken */
async function put(
  context: Context,
  pieces: AsyncIterable<Uint8Array>,
  output: Place,
  mode: 0o600 | 0o644,
): Promise<boolean> {
  if (output === undefined) return context.out.pieces(pieces);
  await writeNewPieces(output, pieces, { mode, signal: context.io.signal });
  return true;
}

function refuseTerminal({ io }: Context, output: Place): void {
  if (output === undefined && io.stdout.isTTY === true)
    throw new UsageError('a stream of any size is not shown at a terminal', 'name a file with -o, or a pipe');
}

/**
 * One message for all that can be wrong once the private key was used, but for a stream that ends too early.
 * @param after what became of the part that was good.
 */
export async function explained<T>(open: () => Promise<T>, after: string): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const why = WHY[error.code];
    throw why === undefined ? error : new CryptoError(error.code, `${why}${after}`);
  }
}
const WHY: Partial<Record<CryptoError['code'], string>> = {
  open_failed: 'it was changed, or it is not by this sender',
  stream_truncated: 'it was cut short',
};
