import { access } from 'node:fs/promises';
import type { KeyMaterial, SuiteId } from '@bulla/crypto';
import type { KeyFormat } from '@bulla/crypto/key-files';
import { ALL_SUITES, generateKeyPair, keyFor, namesOf, suite } from '@bulla/crypto';
import { exportKeys, keyMaterialOf } from '@bulla/crypto/key-files';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../../context.js';
import { readKeys, writeNew } from '../../input/key-files.js';
import { styled } from '../../output/output.js';
import { qrCode } from '../../output/qr-code.js';
import { UsageError } from '../../input/usage-error.js';

const FORMATS = ['pem', 'der', 'jwk'] as const;
/** 128 bits of strength, and what every tool has. */
const SUITE: SuiteId = 'rsa3072';

export interface GenerateOptions {
  readonly suite?: SuiteId;
  readonly encrypt?: boolean;
}

/** Options of `bulla keys generate NAME`, which makes keys that belong to no organisation. */
export function addGenerateOptions(command: Command): Command {
  const suites = ALL_SUITES.map(({ id }) => id);
  return command
    .addOption(new Option('--suite <suite>', `of the keys (default: ${SUITE})`).choices(suites))
    .option('--encrypt', 'put the private keys under a passphrase, which is asked for');
}

/** `bulla keys inspect`, `convert` and `fingerprint`. */
export function addKeyFileCommands(keys: Command, context: Context): void {
  keys
    .command('inspect <file>')
    .description('print what keys a file holds (PEM, DER or JWK); nothing secret is printed')
    .option('--json', 'print JSON, with the public keys')
    .action((file: string, options: { json?: boolean }) => inspect(context, file, options.json === true));
  keys
    .command('fingerprint <file>')
    .description('print the fingerprints of the keys in a file, in hexadecimal and in eight words')
    .option('--qr', 'as QR codes too, for who has a camera')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      `
Compare one of them with the owner of the keys, over another way than the file came. A QR code holds
\`bulla-fingerprint:\` and the same digits.

Examples:
  $ bulla keys fingerprint alice.pub.pem
  $ bulla keys fingerprint alice.pub.pem --qr`,
    )
    .action((file: string, options: { qr?: boolean }) => printFingerprints(context, file, options.qr === true));
  keys
    .command('convert <file>')
    .description('write the keys of a file in another format')
    .addOption(new Option('--to <format>', 'what to write').choices([...FORMATS]).makeOptionMandatory())
    .option('--public', 'the public halves alone')
    .addOption(new Option('--use <use>', 'one of two keys: the one that signs, or the other').choices(['sig', 'enc']))
    .option('--encrypt', 'put private keys under a passphrase, which is asked for')
    .option('-o, --out <file>', 'a file that is not there yet (default: standard output)')
    .option('--json', 'with --out: print what was written as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ bulla keys convert alice.key.pem --to jwk --public > alice.pub.jwk
  $ bulla keys convert alice.key.pem --to der --use sig -o alice.sig.der`,
    )
    .action((file: string, options: ConvertOptions) => convert(context, file, options));
}

/** Writes fresh keys: NAME.key.pem for the owner alone, and NAME.pub.pem for everybody. */
export async function generateFiles(context: Context, name: string, options: GenerateOptions): Promise<void> {
  const [own, others] = [`${name}.key.pem`, `${name}.pub.pem`];
  for (const path of [own, others]) {
    if (await isThere(path)) throw new UsageError(`${path} is there already: nothing was written`);
  }
  const passphrase = options.encrypt === true ? await context.passphrases.chosen(own) : undefined;
  const { id, seal } = suite(options.suite ?? SUITE);
  const keys = [await keyMaterialOf((await generateKeyPair(id, 'sig')).privateJwk, 'sig')];
  if (seal !== undefined) keys.push(await keyMaterialOf((await generateKeyPair(id, 'enc')).privateJwk, 'enc'));
  await writeNew(own, await exportKeys(keys, { format: 'pem', half: 'private', passphrase }), 0o600);
  await writeNew(others, await exportKeys(keys, { format: 'pem', half: 'public' }), 0o644);
  if (context.asJson) return context.out.json({ private_keys: own, public_keys: others, suite: id });
  context.out.line(styled('✔', 'good'), ` private keys in ${own}: keep this file`);
  context.out.line(styled('✔', 'good'), ` public keys in ${others}: give this one away`);
}

async function inspect(context: Context, file: string, isJson: boolean): Promise<void> {
  const keys = await readKeys(context, file);
  if (isJson) {
    const all = keys.map(({ publicJwk, privateJwk, ...key }) => ({
      ...key,
      half: privateJwk === undefined ? 'public' : 'private',
      ...namesIn(key),
      jwk: publicJwk,
    }));
    context.out.json(all);
    return;
  }
  const rows = keys.map((key) => [useOf(key), key.suite, key.privateJwk === undefined ? 'public' : 'private', key.kid]);
  context.out.table([['FOR', 'SUITE', 'HALF', 'THUMBPRINT'], ...rows]);
}

async function printFingerprints(context: Context, file: string, asCodes: boolean): Promise<void> {
  const keys = await readKeys(context, file);
  if (context.asJson) return context.out.json(keys.map((key) => ({ use: key.use, suite: key.suite, ...namesIn(key) })));
  context.out.table([
    ['FOR', 'FINGERPRINT'],
    ...keys.flatMap((key) => [
      [useOf(key), namesOf(key).hex],
      ['', namesOf(key).words.join(' ')],
    ]),
  ]);
  if (!asCodes) return;
  for (const key of keys) {
    context.out.line();
    context.out.line(useOf(key));
    for (const line of qrCode(`bulla-fingerprint:${namesOf(key).hex}`)) context.out.line(line);
  }
}

/** What a key is called, for programs. */
function namesIn(key: Pick<KeyMaterial, 'kid'>): { readonly fingerprint: string; readonly words: string } {
  const { hex, words } = namesOf(key);
  return { fingerprint: hex, words: words.join(' ') };
}

function useOf({ use, log, suite: id }: KeyMaterial): string {
  if (log !== undefined) return `audit log ${log}`;
  if (use === undefined) return suite(id).seal === undefined ? 'signing' : 'either';
  return use === 'sig' ? 'signing' : 'sealing';
}

interface ConvertOptions {
  readonly to: KeyFormat;
  readonly public?: boolean;
  readonly use?: 'sig' | 'enc';
  readonly encrypt?: boolean;
  readonly out?: string;
}

async function convert(context: Context, file: string, options: ConvertOptions): Promise<void> {
  const half = options.public === true ? 'public' : 'private';
  const { out: output, encrypt, use } = options;
  if (encrypt === true && half === 'public') throw new UsageError('--encrypt and --public exclude each other');
  if (half === 'private' && output === undefined && context.io.stdout.isTTY === true)
    throw new UsageError('private keys are not shown at a terminal', 'name a file with -o, or ask for --public');
  const all = await readKeys(context, file);
  const keys = use === undefined ? all : [keyFor(all, use)];
  const passphrase = encrypt === true ? await context.passphrases.chosen(output ?? 'the new file') : undefined;
  const bytes = await exportKeys(keys, { format: options.to, half, passphrase });
  if (output === undefined) context.out.exact(bytes);
  else {
    await writeNew(output, bytes, half === 'private' ? 0o600 : 0o644);
    if (context.asJson) context.out.json({ path: output, format: options.to, half, keys: keys.map(({ kid }) => kid) });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
