import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { keyFor, loadSigner, namesOf, sealingKeyOf, verifyingKeyOf } from '@bulla/crypto';
import { isLetterName, LETTER_MAX_BYTES, sealLetter } from '@bulla/crypto/letters';
import type { KeyMaterial } from '@bulla/crypto';
import type { PrivateKeyMaterial } from '@bulla/crypto/key-files';
import type { Letter } from '@bulla/crypto/letters';
import { isStreamedLetter, loadUnwrapper, openLetter } from '@bulla/crypto/open';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { gather, peek, readPieces } from '../input/file-streams.js';
import { readBytes } from '../input/files.js';
import { readPrivateKeyFile, readPublicKeyFile, writeNew } from '../input/key-files.js';
import { counted, styled } from '../output/output.js';
import { UsageError } from '../input/usage-error.js';
import { explained, openPieces, sealPieces } from './streamed-letter.js';
import { quoted } from '../output/visible-text.js';

/** Enough of a file to tell what it is. */
const BEGINNING_BYTES = 4096;
/** Larger than any letter that is not streamed. */
const SEALED_MAX_BYTES = 64 * 1024 * 1024;

/** `bulla seal` and `bulla open`: files between people who have nothing but each other's public keys. */
export function addLetterCommands(program: Command, context: Context): void {
  program
    .command('seal [file]')
    .description('sign a file and seal it to somebody, with nothing but key files (no vault, no organisation)')
    .requiredOption('--to <file>', "the reader's public keys", once('--to', 'seal the file once for each reader'))
    .requiredOption('--from <file>', 'your private keys', once('--from'))
    .option('--stream', 'for a file of any size: it is sealed while it is read')
    .option('-o, --out <file>', 'a file that is not there yet (default: standard output)')
    .option('--json', 'with --out: print what was written as JSON')
    .addHelpText(
      'after',
      `
The file is read from standard input unless it is named. \`bulla keys generate NAME\` makes keys.
It is sealed to one reader: seal it once for each.
Without --stream it is at most 8 MiB, and what is sealed is one line of text.

Examples:
  $ bulla seal --to alice.pub.pem --from bob.key.pem < letter.txt > letter.jwe
  $ bulla seal report.pdf --to alice.pub.pem --from bob.key.pem -o report.jwe
  $ bulla seal --stream film.mkv --to alice.pub.pem --from bob.key.pem -o film.sealed
  $ tar c photos | bulla seal --stream --to alice.pub.pem --from bob.key.pem > photos.sealed`,
    )
    .action((file: string | undefined, options: SealOptions) => seal(context, file ?? '-', options));
  program
    .command('open [file]')
    .description('open a sealed file, if it is by whom you think')
    .requiredOption('--key <file>', 'your private keys', once('--key'))
    .requiredOption('--sender <file>', "the writer's public keys", once('--sender'))
    .option('-o, --out <file>', 'a file that is not there yet (default: standard output)')
    .option('--json', 'with --out: print whose it is and what was written as JSON')
    .addHelpText(
      'after',
      `
What was sealed is read from standard input unless it is named. Of a letter nothing is printed or written unless all of it
is good.

What was sealed with --stream is opened while it is read: with -o, the file is there when all of it was good, and not
before. On standard output it comes as it is read, and this command ends with 10 if it was cut or changed: what came
out is then not to be used.

Examples:
  $ bulla open --key alice.key.pem --sender bob.pub.pem < letter.jwe
  $ bulla open film.sealed --key alice.key.pem --sender bob.pub.pem -o film.mkv`,
    )
    .action((file: string | undefined, options: OpenOptions) => openSealed(context, file ?? '-', options));
}

/** An option of which a second one would silently take the place of the first. */
function once(option: string, hint?: string): (value: string, before: string | undefined) => string {
  return (value, before) => {
    // guard: key-option-once
    if (before !== undefined) throw new UsageError(`${option} is given twice, and takes one file`, hint);
    return value;
  };
}

interface SealOptions {
  readonly to: string;
  readonly from: string;
  readonly stream?: boolean;
  readonly out?: string;
}

interface OpenOptions {
  readonly key: string;
  readonly sender: string;
  readonly out?: string;
}

async function seal(context: Context, file: string, { to, from, stream, out: output }: SealOptions): Promise<void> {
  const recipients = await readPublicKeyFile(context, to);
  const recipient = sealingKeyOf(recipients);
  const keys = await readPrivateKeyFile(context, from);
  const own = privateFor(keys, 'sig');
  const signer = await loadSigner(own.privateJwk, verifyingKeyOf(keys).alg);
  const name = nameToSend(context, file);
  const about = { at: context.now(), name };
  if (stream === true) {
    const source = readPieces(context.io, file);
    await context.out.during('sealing', sealPieces(context, source, { letter: about, signer, recipient, output }));
    await sayWritten(context, output, recipients);
    return;
  }
  const content = await readBytes(context.io, file);
  if (content.length > LETTER_MAX_BYTES)
    throw new UsageError(`a letter holds at most ${LETTER_MAX_BYTES} bytes`, '--stream seals files of any size');
  const letter = `${await sealLetter({ content, ...about }, signer, recipient)}\n`;
  if (output === undefined) context.out.exact(letter);
  else await writeNew(output, new TextEncoder().encode(letter), 0o644);
  await sayWritten(context, output, recipients);
}

/** What is in a file now, and who can open it. */
async function sayWritten(context: Context, output: string | undefined, readers: KeyMaterial[]): Promise<void> {
  if (output === undefined) return;
  const { size } = await stat(output);
  const reader = namesOf(keyFor(readers, 'enc')).hex;
  if (context.asJson) return context.out.json({ path: output, bytes: size, reader });
  context.out.talk(styled('✔', 'good'), ` written to ${output}, ${counted(size, 'byte')}: only ${reader} can open it`);
}

/** What the letter calls the file. The reader of the letter could not take every name that a disk takes. */
function nameToSend({ out }: Context, file: string): string | undefined {
  if (file === '-') return undefined;
  const name = basename(file);
  if (isLetterName(name)) return name;
  out.talk(
    'note: the letter does not say what the file is called: its name has more than 255 bytes, or characters that do not show',
  );
  return undefined;
}

async function openSealed(context: Context, file: string, { key, sender, out: output }: OpenOptions): Promise<void> {
  const writers = await readPublicKeyFile(context, sender);
  const keys = await readPrivateKeyFile(context, key);
  const unwrapper = await loadUnwrapper(privateFor(keys, 'enc').privateJwk, sealingKeyOf(keys).alg);
  const { beginning, all } = await peek(readPieces(context.io, file), BEGINNING_BYTES);
  context.subject = file === '-' ? undefined : file;
  const by = verifyingKeyOf(writers);
  if (isStreamedLetter(beginning)) {
    const opening = openPieces(context, all, { unwrapper, sender: by, output });
    const letter = await context.out.during('opening', opening);
    if (letter === undefined) context.out.talk('not read to its end: whether it is whole was not checked');
    else await sayWho(context, writers, letter, output);
    return;
  }
  const text = asText(await gather(all, SEALED_MAX_BYTES, nameOf(file)), `${nameOf(file)} is not UTF-8 text`);
  const letter = await explained(() => openLetter(text.replace(/\r?\n$/, ''), unwrapper, by), '');
  if (output !== undefined) await writeNew(output, letter.content, 0o600);
  else if (context.io.stdout.isTTY === true)
    context.out.text(
      asText(letter.content, 'it is not text, which a terminal could show', 'name a file with -o, or a pipe'),
    );
  else context.out.exact(letter.content);
  await sayWho(context, writers, letter, output);
}

async function sayWho(
  context: Context,
  writers: KeyMaterial[],
  { at, name }: Omit<Letter, 'content'>,
  output: string | undefined,
): Promise<void> {
  const signer = namesOf(keyFor(writers, 'sig')).hex;
  const when = new Date(at * 1000).toISOString();
  if (context.asJson && output !== undefined) {
    const { size } = await stat(output);
    return context.out.json({ path: output, bytes: size, signed_by: signer, dated: when, name: name ?? null });
  }
  const called = name === undefined ? '' : `, called ${quoted(name)}`;
  context.out.talk(`signed by ${signer}, dated ${when}${called}`);
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function privateFor(keys: readonly PrivateKeyMaterial[], use: 'sig' | 'enc'): PrivateKeyMaterial {
  const { kid } = keyFor(keys, use);
  const found = keys.find((key) => key.kid === kid);
  if (found === undefined) throw new UsageError('the file has no such key');
  return found;
}

/** @throws {UsageError} saying this, if the bytes are not text */
function asText(content: Uint8Array, otherwise: string, hint?: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new UsageError(otherwise, hint);
  }
}
