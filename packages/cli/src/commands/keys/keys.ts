import type { FreshKeys, FreshKind, KeyPlace } from '@bulla/client/node';
import {
  FRESH_KINDS,
  Home,
  HomeError,
  lockKeys,
  lockStateOf,
  logOf,
  newestLogKey,
  PassphraseError,
  readKeyFile,
  unlockKeys,
  writeFreshKeys,
} from '@bulla/client/node';
import { CHECKPOINT_SUITE, fingerprint, isCheckpointKey, suite } from '@bulla/crypto';
import type { KeyFile } from '@bulla/crypto';
import { MARK_FOLDER_FILE, markFolderText, readPublicKeys } from '@bulla/crypto/key-files';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';
import { addRotateCommand, showKeys } from './organisation-keys.js';
import { generateRoot } from './root-key-file.js';
import { addShamirCommands } from './shamir.js';
import { signingKeysInToken, statePublicKeys } from './token-keys.js';
import type { GenerateOptions } from './key-files.js';
import { addGenerateOptions, addKeyFileCommands, generateFiles } from './key-files.js';

const HELP = `
A lock protects a copied disk or a backup: the file opens only with its passphrase (Argon2id, 64 MiB). Commands that
need a locked file ask for it at the terminal, or take it from BULLA_PASSPHRASE_FILE. No option takes a passphrase: other
users of a machine see command lines. Services read open files only.

Examples:
  $ bulla keys lock                                  (this device's identity.json)
  $ bulla keys lock ~/.bulla/org/acme/directory.key
  $ bulla keys status                                (the keys of the organisation)
  $ bulla keys rotate kek --dry-run
  $ bulla keys generate responder.new.json --like ~/.bulla/services/responder.keys.json
  $ bulla keys public ~/.bulla/services/responder.keys.json > responder.public
  $ bulla keys generate alice                        (keys of a person, for seal and open)
  $ bulla keys fingerprint alice.pub.pem`;

/** `bulla keys …` */
export function addKeysCommands(program: Command, context: Context): void {
  const keys = program
    .command('keys')
    .description('keys of the organisation, and files of keys: making, reading and converting them, passphrases')
    .addHelpText('after', HELP);
  keys
    .command('lock [file]')
    .description('put a file of keys under a passphrase (default: the identity of this device)')
    .option('--json', 'print the result as JSON')
    .action((file: string | undefined) => lock(context, file));
  keys
    .command('unlock [file]')
    .description('take the passphrase from a file of keys')
    .option('--json', 'print the result as JSON')
    .action((file: string | undefined) => unlock(context, file));
  keys
    .command('status [file]')
    .description('every key of the organisation on one screen; with FILE, whether that file of keys is locked')
    .option('--json', 'print it as JSON')
    .action((file: string | undefined) => (file === undefined ? showKeys(context) : status(context, file)));
  addRotateCommand(keys, context);
  addGenerateOptions(keys.command('generate <name>'))
    .description('write fresh keys: NAME.key.pem and NAME.pub.pem; or, with --like, a file for a service')
    .option(
      '--like <file>',
      'whose entity, purposes and (without --suite) suites the file NAME takes over; it stays as it is',
    )
    .option('--signing', 'with --like: keep the keys that are there, and make one that signs')
    .option('--token <uri>', 'with --signing: make it in a token (PKCS#11), which it never leaves: pkcs11:token=…')
    .option('--encryption', 'with --like: keep the keys of a responder, and make one that prompts are sealed to')
    .option('--checkpoint', 'with --like: keep the keys that are there, and make that of the next audit log')
    .option('--marks <folder>', 'with --like: the folder of marks of the service, which knows its logs')
    .option('--managed', 'with --like: keep the keys of a vault, and make those for managed names where it has none')
    .option('--root', 'a root key for a vault, in the file NAME')
    .option('--passphrase', 'with --root: the salt of a root key that is made of a passphrase')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Without --like: keys of a person, for \`bulla seal\` and \`bulla open\`, which belong to no organisation.
With --like: for a service that is to get new keys. Nobody trusts them until a holder of the directory's key lists them.
A vault or responder gets the key of its next audit log, too, and beside the file NAME.log.json: put that as log.json into its
folder of marks (BULLA_AUDIT_MARKS) if that has none, with the key file. With --marks it is not made for a folder that has one.

With --signing, --encryption or --checkpoint (or several) the new keys lie beside the old ones, and nothing stops. Put
the file in the place of the old one: the service takes it while it runs, opens what is sealed to either key, and signs
with the old one until \`bulla trust accept\` has listed the new one. \`bulla trust retire\` then ends the old.

Examples:
  $ bulla keys generate alice
  $ bulla keys generate responder.new.json --like ~/.bulla/services/responder.keys.json
  $ bulla keys generate responder.new.json --like responder.keys.json --signing --encryption
  $ bulla keys generate vault.new.json --like vault.keys.json --checkpoint --marks /var/lib/bulla/audit-marks
  $ bulla keys generate vault.new.json --like vault.keys.json --signing --token 'pkcs11:token=bulla;object=vault?…'
  $ bulla keys generate --root root-2.key`,
    )
    .action((name: string, options: GenerateOptions & LikeOptions) => generateEither(context, name, options));
  keys
    .command('public [file]')
    .description('print the public keys of a file, stated by its own signing key; nothing in it is secret')
    .option(
      '--json',
      'print them as JSON, with their owner, and the fingerprints of its signing key and of its key for checkpoints',
    )
    .addHelpText(
      'after',
      `
Give the output to the person who signs the directory, and the fingerprint over another way than this network:
  $ bulla keys public ~/.bulla/services/responder.keys.json > responder.public
  $ bulla trust accept responder --fingerprint ab12:… --keys responder.public`,
    )
    .action((file: string | undefined) => printPublic(context, file));
  addKeyFileCommands(keys, context);
  addShamirCommands(keys, context);
}

interface LikeOptions {
  readonly like?: string;
  readonly signing?: boolean;
  readonly token?: string;
  readonly encryption?: boolean;
  readonly checkpoint?: boolean;
  readonly marks?: string;
  readonly managed?: boolean;
  readonly root?: boolean;
  readonly passphrase?: boolean;
}

function generateEither(context: Context, name: string, options: GenerateOptions & LikeOptions): Promise<void> {
  const { like, suite: suiteId, encrypt, root, passphrase, token, marks } = options;
  const beside = FRESH_KINDS.filter((kind) => options[kind] === true);
  if (token !== undefined && !beside.includes('signing'))
    throw new UsageError('--token goes with --like FILE --signing: it says where the new signing key is made');
  if (root === true) return generateRoot(context, name, options);
  if (passphrase === true)
    throw new UsageError('--passphrase goes with --root: the file of another key is locked with --encrypt');
  if (like === undefined) {
    if (marks !== undefined) throw new UsageError('--marks goes with --like: it knows the logs of a service');
    const [alone] = beside;
    if (alone !== undefined) throw new UsageError(`--${alone} goes with --like: it adds a key to those of a service`);
    return generateFiles(context, name, options);
  }
  if (encrypt === true)
    throw new UsageError('--like makes the file of a service, which is read open: --encrypt does not go with it');
  if (beside.length === 1 && beside[0] === 'checkpoint' && suiteId !== undefined)
    throw new UsageError(`a key for checkpoints is of suite ${CHECKPOINT_SUITE}: --suite does not go with it`);
  if (suiteId !== undefined && suite(suiteId).seal === undefined)
    throw new UsageError(`--like makes keys that are sealed to, and ${suiteId} only signs`);
  const makeSigning = token === undefined ? undefined : signingKeysInToken(context, token);
  return generate(context, name, like, { suite: suiteId, beside, makeSigning, marks });
}

interface Place extends KeyPlace {
  /** As people are told. */
  readonly path: string;
}

/** A file that is named is looked for where the command runs; without a name it is the identity. */
function placeOf(context: Context, file: string | undefined): Place {
  const { home, name } = file === undefined ? context.identityFile : context.placeOf(file);
  return { home, name, path: home.path(name) };
}

const WHAT: Record<FreshKind, string> = {
  signing: 'signing key',
  encryption: 'encryption key',
  checkpoint: 'key for the next audit log',
  managed: 'pair of keys for managed names',
};

async function generate(
  context: Context,
  file: string,
  like: string,
  { marks, ...options }: FreshKeys & { readonly marks: string | undefined },
): Promise<void> {
  const [from, to] = [placeOf(context, like), placeOf(context, file)];
  const made = await writeFreshKeys(from, to, { ...options, marks });
  const { beside = [] } = options;
  const log = await setUpOf(to, made, { beside, marks });
  const what =
    beside.length === 0 ? 'fresh keys' : `a fresh ${beside.map((kind) => WHAT[kind]).join(', ')} beside the keys`;
  const document = { urn: made.urn, path: to.path, log: log?.number ?? null, marks: log?.path ?? null };
  context.result(document, styled('✔', 'good'), ` ${what} of ${made.urn} in ${to.path}`);
  if (log?.path !== undefined)
    context.out.talk(
      `it has the key of audit log ${log.number}: put ${log.path} as log.json into the folder of marks if that has none, with the key file`,
    );
}

/** The log whose key a file got, and what sets its folder of marks up, beside it: where none is set up already. */
async function setUpOf(
  { home, name }: Place,
  made: KeyFile,
  { beside, marks }: { readonly beside: readonly FreshKind[]; readonly marks: string | undefined },
): Promise<{ readonly number: number; readonly path: string | undefined } | undefined> {
  const key = beside.length === 0 || beside.includes('checkpoint') ? newestLogKey(made) : undefined;
  if (key === undefined) return undefined;
  const number = logOf(key) ?? 0;
  if (marks !== undefined && (await new Home(marks, undefined, false).read(MARK_FOLDER_FILE)) !== undefined)
    return { number, path: undefined };
  const path = `${name.replace(/\.json$/, '')}.${MARK_FOLDER_FILE}`;
  await home.write(path, markFolderText(made));
  return { number, path: home.path(path) };
}

async function lock(context: Context, file: string | undefined): Promise<void> {
  const { home, name, path } = placeOf(context, file);
  await requireState(home, name, 'open');
  await lockKeys(home, name, await context.passphrases.chosen(path));
  context.result({ path, state: 'locked' }, styled('✔', 'good'), ` locked: ${path}`);
  context.out.talk('Without its passphrase nobody opens it again, you neither: keep the passphrase where you find it.');
}

async function unlock(context: Context, file: string | undefined): Promise<void> {
  const { home, name, path } = placeOf(context, file);
  await requireState(home, name, 'locked');
  await unlockAsking(context, { home, name, path });
  context.result({ path, state: 'open' }, styled('✔', 'good'), ` open: ${path}`);
}

async function unlockAsking({ passphrases }: Context, { home, name, path }: Place): Promise<void> {
  let wrong: PassphraseError | undefined;
  for (;;) {
    const passphrase = await passphrases.given(path, wrong);
    try {
      return await unlockKeys(home, name, passphrase);
    } catch (error) {
      if (!(error instanceof PassphraseError)) throw error;
      wrong = error;
    }
  }
}

async function status(context: Context, file: string): Promise<void> {
  const { home, name, path } = placeOf(context, file);
  const state = await lockStateOf(home, name);
  if (state === undefined) throw new UsageError(`there is no file ${path}`);
  context.result({ path, state }, `${state}  ${path}`);
}

/** Before somebody is asked for a passphrase. */
async function requireState(home: Home, name: string, wanted: 'open' | 'locked'): Promise<void> {
  const state = await lockStateOf(home, name);
  if (state === undefined) throw new UsageError(`there is no file ${home.path(name)}`);
  if (state !== wanted)
    throw new HomeError(`${home.path(name)} is ${state === 'locked' ? 'locked already' : 'not locked'}`);
}

async function printPublic(context: Context, file: string | undefined): Promise<void> {
  const { home, name, path } = placeOf(context, file);
  const keys = await readKeyFile(home, name);
  if (keys === undefined) throw new UsageError(`there is no file ${path}`);
  const token = await statePublicKeys(context, keys);
  const ofKey = fingerprint((await readPublicKeys(token)).kid);
  const checkpoint = keys.keys.find(isCheckpointKey);
  const ofCheckpoints = checkpoint === undefined ? null : fingerprint(checkpoint.kid);
  context.result({ urn: keys.urn, fingerprint: ofKey, checkpoint_fingerprint: ofCheckpoints, token }, token);
  context.out.talk(`keys of ${keys.urn}`);
  context.out.talk(`fingerprint ${ofKey}`);
  if (ofCheckpoints !== null) context.out.talk(`its key for checkpoints ${ofCheckpoints}`);
}
