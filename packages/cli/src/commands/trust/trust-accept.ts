import type { PublicKeys } from '@bulla/crypto/key-files';
import { CryptoError } from '@bulla/crypto';
import { readPublicKeys } from '@bulla/crypto/key-files';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../input/directory-key.js';
import { CheckFailed } from '../../output/exit-code.js';
import { readText } from '../../input/files.js';
import type { Io } from '../../io.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';

interface AcceptOptions {
  readonly fingerprint: string;
  readonly keys: string;
  readonly compromised?: boolean;
  readonly directoryKey?: string;
}

/** `bulla trust accept` */
export function addAcceptCommand(trust: Command, context: Context): void {
  trust
    .command('accept')
    .description('list new keys of a responder, by signing the next directory')
    .requiredOption('--fingerprint <fingerprint>', 'of its new signing key, as its operator told you another way')
    .requiredOption('--keys <file>', 'what `bulla keys public` printed on its machine; - for standard input')
    .option('--compromised', 'its old keys count for nothing from now on: somebody else may have them')
    .addOption(directoryKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The file can come by any way: the new signing key vouches for all that is in it, and the fingerprint for that key. Ask
the operator for the fingerprint by voice or in person, never over the network that the responder answers on.

Prompts are not sealed to the new keys yet: their authors run \`bulla prompt reseal NAME --labelled\`.

Examples:
  $ bulla trust accept --fingerprint ab12:77f0:… --keys responder.public
  $ bulla trust accept --fingerprint ab12:77f0:… --keys responder.public --compromised`,
    )
    .action((options: AcceptOptions) => accept(context, options));
}

async function accept(context: Context, options: AcceptOptions): Promise<void> {
  const { io, out } = context;
  const wanted = requireFingerprint(options.fingerprint);
  const keys = await readKeys(io, options.keys);
  const bulla = await context.connect();
  const signer = await directorySigner(context, await bulla.trust(), options.directoryKey);
  const compromised = options.compromised === true;
  const accepted = await bulla.people.acceptKeys(keys, { wanted, compromised, signer });
  await adoptPublished(context, await bulla.trust());
  const { urn, before, after, directoryVersion: directory_version } = accepted;
  const document = { responder: urn, before, after, compromised, directory_version };
  context.result(document, styled('✔', 'good'), ` ${urn}: ${before.join(', ') || 'no key'} → ${after}`);
  out.talk(
    `directory version ${directory_version}; the old keys ${compromised ? 'are revoked' : 'only verify and open from now on'}`,
  );
  out.talk(
    'Prompts are not sealed to the new keys yet (needs_rewrap): for each, an author runs `bulla prompt reseal NAME --labelled`; `bulla doctor` counts them.',
  );
  if (compromised) out.talk('Anyone who has the old keys can read what was sealed to them: change those texts.');
}

/** @throws {CheckFailed} naming the file, if it is not one of those; {CryptoError} if it is one that was changed */
async function readKeys(io: Io, path: string): Promise<PublicKeys> {
  const text = (await readText(io, path)).trim();
  try {
    return await readPublicKeys(text);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'token_malformed') throw error;
    const file = path === '-' ? 'standard input' : path;
    throw new CheckFailed(`${file} is not what \`bulla keys public\` prints (token_malformed)`);
  }
}

function requireFingerprint(text: string): string {
  const fingerprint = text.trim().toLowerCase();
  if (/^[0-9a-f]{4}(:[0-9a-f]{4}){7}$/.test(fingerprint)) return fingerprint;
  throw new UsageError('--fingerprint: expected eight groups of four hexadecimal digits, all of them');
}
