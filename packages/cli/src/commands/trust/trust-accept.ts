import type { AcceptedKeys, ServiceKind } from '@bulla/client';
import type { PublicKeys } from '@bulla/crypto/key-files';
import { CryptoError, fingerprint, isCheckpointKey } from '@bulla/crypto';
import { readPublicKeys } from '@bulla/crypto/key-files';
import type { Command } from 'commander';
import { Argument } from 'commander';
import type { Context } from '../../context.js';
import { orProposal } from '../../signing/proposals.js';
import { adoptPublished, directoryKeyOption, directorySigner } from '../../signing/directory-key.js';
import { CheckFailed } from '../../output/exit-code.js';
import { readText } from '../../input/files.js';
import type { Io } from '../../io.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';

interface Options {
  readonly fingerprint: string;
  readonly keys: string;
  readonly compromised?: boolean;
  readonly fileLater?: boolean;
  readonly directoryKey?: string;
}

/** `bulla trust accept` */
export function addAcceptCommand(trust: Command, context: Context): void {
  trust
    .command('accept')
    .description('list new keys of a responder, of the vault or of a renewer, by signing the next directory')
    .addArgument(
      new Argument('[service]', 'whose keys they are').choices(['vault', 'responder', 'renewer']).default('responder'),
    )
    .requiredOption('--fingerprint <fingerprint>', 'of its signing key, as its operator told you another way')
    .requiredOption('--keys <file>', 'what `bulla keys public` printed on its machine; - for standard input')
    .option('--compromised', 'its old keys count for nothing from now on: somebody else may have them')
    .option('--file-later', 'do not ask the service whether it holds them: it gets the file only after this')
    .addOption(directoryKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The file can come by any way: the signing key vouches for all that is in it, and the fingerprint for that key. Ask the
operator for the fingerprint by voice or in person, never over the network that the service answers on.

The service is asked first whether it holds the new keys, so their file is in its place by now; it lies ready there until the
directory lists them. With --file-later nobody is asked, and what is sealed to a new key is refused until the file is there.
A renewer is not asked: nothing is sealed to it, and it says what is the newest by its old keys until it has the new ones.

A responder that opens with its old key too moves its prompts to the new one by itself. Where its file holds the new keys
alone, their authors run \`bulla prompt reseal NAME --labelled\`. A file that adds a key for checkpoints alone
(\`bulla keys generate --checkpoint\`) changes nothing else.

Examples:
  $ bulla trust accept responder --fingerprint ab12:77f0:… --keys responder.public
  $ bulla trust accept responder --fingerprint ab12:77f0:… --keys responder.public --compromised
  $ bulla trust accept vault --fingerprint 09c4:e1d8:… --keys vault.public
  $ bulla trust accept renewer --fingerprint 71d3:0a95:… --keys renewer.public`,
    )
    .action((service: ServiceKind, options: Options) => accept(context, service, options));
}

async function accept(context: Context, service: ServiceKind, options: Options): Promise<void> {
  const { io } = context;
  const fileLater = options.fileLater === true;
  if (fileLater && service === 'renewer')
    throw new UsageError(
      '--file-later is for a vault or a responder: nothing is sealed to a renewer, and it is not asked',
    );
  const wanted = requireFingerprint(options.fingerprint);
  const keys = await readKeys(io, options.keys);
  const bulla = await context.connect();
  const signer = await directorySigner(context, await bulla.trust(), options.directoryKey);
  const compromised = options.compromised === true;
  const by = { kind: service, wanted, compromised, fileLater, signer };
  const accepted = await orProposal(context, () => bulla.people.acceptKeys(keys, by));
  if (accepted === undefined) return;
  await adoptPublished(context, await bulla.trust());
  const { urn, before, after, added, directoryVersion: directory_version } = accepted;
  const listed = added.map(({ kid, pur }) => ({ fingerprint: fingerprint(kid), for: pur }));
  const document = { [service]: urn, before, after, added: listed, compromised, directory_version };
  context.result(document, styled('✔', 'good'), ` ${urn}: ${changeOf(accepted)}`);
  const keeps = (await bulla.trust()).activeKeys(urn, 'unwrap', context.now()).length > 1;
  for (const line of consequencesOf(service, accepted, { compromised, keeps })) context.out.talk(line);
  if (fileLater)
    context.out.must(
      `note: put the new key file of the ${service} in place now: until then it refuses what is sealed to it`,
    );
}

function changeOf({ before, after, added }: AcceptedKeys): string {
  const sealed = added.filter(({ use }) => use === 'enc').map(({ kid }) => `encryption key ${fingerprint(kid)}`);
  if (sealed.length === added.length) return sealed.join('; ');
  const own = added.some((key) => !isCheckpointKey(key)) ? [`${before.join(', ') || 'no key'} → ${after}`] : [];
  const logs = added.filter(isCheckpointKey).map(({ kid }) => `key for checkpoints ${fingerprint(kid)}`);
  return [...own, ...logs].join('; ');
}

/** What somebody meant who accepted keys, and whether an older encryption key is sealed to beside the new one. */
interface Acceptance {
  readonly compromised: boolean;
  readonly keeps: boolean;
}

/** When a service signs with new keys whose file does not hold the old ones. */
const TAKES: Readonly<Partial<Record<ServiceKind, string>>> = {
  vault: 'The vault signs with the new ones as soon as it trusts that version and has their file.',
  renewer: 'The renewer signs with the new ones from the first round on that finds them in services/renewer.keys.json.',
};

function consequencesOf(
  service: ServiceKind,
  { added, beside, directoryVersion }: AcceptedKeys,
  { compromised, keeps }: Acceptance,
) {
  const version = `directory version ${directoryVersion}`;
  const signs = added.some((key) => key.use === 'sig' && !isCheckpointKey(key));
  if (signs && beside)
    return [
      `${version}; the older keys count until they are retired, and the ${service} signs with the new one once it trusts that version`,
      ...(keeps ? ['The responder moves the prompts that are there to its newest encryption key by itself'] : []),
      `Then: bulla trust retire ${service}`,
    ];
  if (keeps && added.every(({ use }) => use === 'enc'))
    return [
      `${version}; what is pushed from now on is sealed to the new key, and the older one counts until it is retired`,
      'The responder moves the prompts that are there to the new key by itself; then: bulla trust retire',
    ];
  if (added.every(isCheckpointKey)) return [`${version}; its other keys are what they were`];
  const old = service === 'responder' ? 'only verify and open from now on' : 'sign until their own end';
  const lines = [`${version}; the old keys ${compromised ? 'are revoked' : old}`];
  const taken = TAKES[service];
  if (taken !== undefined) return [...lines, taken];
  lines.push(
    'Prompts are not sealed to the new keys yet (needs_rewrap): for each, an author runs `bulla prompt reseal NAME --labelled`; `bulla doctor` counts them.',
  );
  if (compromised) lines.push('Anyone who has the old keys can read what was sealed to them: change those texts.');
  return lines;
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
  const given = text.trim().toLowerCase();
  if (/^[0-9a-f]{4}(:[0-9a-f]{4}){7}$/.test(given)) return given;
  throw new UsageError('--fingerprint: expected eight groups of four hexadecimal digits, all of them');
}
