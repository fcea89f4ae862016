import { basename } from 'node:path';
import {
  CryptoError,
  isLetterName,
  LETTER_MAX_BYTES,
  keyFor,
  loadSigner,
  namesOf,
  sealingKeyOf,
  sealLetter,
  verifyingKeyOf,
} from '@bulla/crypto';
import type { Letter, PrivateKeyMaterial } from '@bulla/crypto';
import { loadUnwrapper, openLetter } from '@bulla/crypto/open';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { readBytes, readText } from '../files.js';
import { readPrivateKeyFile, readPublicKeyFile, writeNew } from '../key-files.js';
import { UsageError } from '../usage-error.js';

/** `bulla seal` and `bulla open`: files between people who have nothing but each other's public keys. */
export function addLetterCommands(program: Command, context: Context): void {
  program
    .command('seal [file]')
    .description('sign a file and seal it to somebody, with nothing but key files (no vault, no organisation)')
    .requiredOption('--to <file>', "the reader's public keys")
    .requiredOption('--from <file>', 'your private keys')
    .option('-o, --output <file>', 'a file that is not there yet (default: standard output)')
    .addHelpText(
      'after',
      `
The file is read from standard input unless it is named. \`bulla keys generate NAME\` makes keys.

Examples:
  $ bulla seal --to alice.pub.pem --from bob.key.pem < letter.txt > letter.jwe
  $ bulla seal report.pdf --to alice.pub.pem --from bob.key.pem -o report.jwe`,
    )
    .action((file: string | undefined, options: SealOptions) => seal(context, file ?? '-', options));
  program
    .command('open [file]')
    .description('open a sealed file, if it is by whom you think')
    .requiredOption('--key <file>', 'your private keys')
    .requiredOption('--sender <file>', "the writer's public keys")
    .option('-o, --output <file>', 'a file that is not there yet (default: standard output)')
    .addHelpText(
      'after',
      `
What was sealed is read from standard input unless it is named. Nothing is printed or written unless all of it is good.

Example:
  $ bulla open --key alice.key.pem --sender bob.pub.pem < letter.jwe`,
    )
    .action((file: string | undefined, options: OpenOptions) => openSealed(context, file ?? '-', options));
}

interface SealOptions {
  readonly to: string;
  readonly from: string;
  readonly output?: string;
}

interface OpenOptions {
  readonly key: string;
  readonly sender: string;
  readonly output?: string;
}

async function seal(context: Context, file: string, { to, from, output }: SealOptions): Promise<void> {
  const recipient = sealingKeyOf(await readPublicKeyFile(context, to));
  const keys = await readPrivateKeyFile(context, from);
  const own = privateFor(keys, 'sig');
  const signer = await loadSigner(own.privateJwk, verifyingKeyOf(keys).alg);
  const content = await readBytes(context.io, file);
  if (content.length > LETTER_MAX_BYTES) throw new UsageError(`a letter holds at most ${LETTER_MAX_BYTES} bytes`);
  const name = file === '-' || !isLetterName(basename(file)) ? undefined : basename(file);
  const letter = `${await sealLetter({ content, at: context.now(), name }, signer, recipient)}\n`;
  if (output === undefined) context.out.exact(letter);
  else await writeNew(output, new TextEncoder().encode(letter), 0o644);
}

async function openSealed(context: Context, file: string, { key, sender, output }: OpenOptions): Promise<void> {
  const writers = await readPublicKeyFile(context, sender);
  const keys = await readPrivateKeyFile(context, key);
  const unwrapper = await loadUnwrapper(privateFor(keys, 'enc').privateJwk, sealingKeyOf(keys).alg);
  const text = await readText(context.io, file);
  context.subject = file === '-' ? undefined : file;
  const letter = await openOrExplain(() => openLetter(text.replace(/\r?\n$/, ''), unwrapper, verifyingKeyOf(writers)));
  if (output !== undefined) await writeNew(output, letter.content, 0o600);
  else if (context.io.stdout.isTTY === true) context.out.text(asText(letter.content));
  else context.out.exact(letter.content);
  const called = letter.name === undefined ? '' : `, called ${letter.name}`;
  const when = new Date(letter.at * 1000).toISOString();
  context.out.talk(`signed by ${namesOf(keyFor(writers, 'sig')).hex}, dated ${when}${called}`);
}

/** One message for all that can be wrong once the private key was used. */
async function openOrExplain(open: () => Promise<Letter>): Promise<Letter> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'open_failed') throw error;
    throw new CryptoError('open_failed', 'it was changed, or it is not by this sender');
  }
}

function privateFor(keys: readonly PrivateKeyMaterial[], use: 'sig' | 'enc'): PrivateKeyMaterial {
  const { kid } = keyFor(keys, use);
  const found = keys.find((key) => key.kid === kid);
  if (found === undefined) throw new UsageError('the file has no such key');
  return found;
}

function asText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new UsageError('it is not text, which a terminal could show', 'name a file with -o, or a pipe');
  }
}
