import type { UnsealingState } from '@bulla/client';
import { NotFoundError } from '@bulla/client';
import { fingerprint, parseShare } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { readText } from '../input/files.js';
import { requireHttpUrl } from '../input/settings.js';
import { UsageError } from '../input/usage-error.js';
import { CheckFailed, EXIT } from '../output/exit-code.js';
import { styled } from '../output/output.js';

interface UnsealOptions {
  readonly at?: readonly string[];
  readonly fingerprint?: string;
}

/** `bulla unseal` */
export function addUnsealCommand(program: Command, context: Context): void {
  program
    .command('unseal [share]')
    .description('give a vault a share of its root key; without a share, say which of its processes are sealed')
    .option('--at <url...>', 'the processes of the vault, each by an address of its own (default: the vault)')
    .option('--fingerprint <hex>', 'that of the key which the log of the process shows; without it you are asked')
    .option('--json', 'print how each process stands as JSON')
    .addHelpText(
      'after',
      `
A vault whose root key is in shares starts sealed: it serves sealed names, and answers 423 where it needs the root key.
Each process of it has to be unsealed by itself, after each start. Its log shows the fingerprint of a key that it made at
that start. The share is sealed to that key here and travels in a signed request; only an admin may bring it.
Give - for the share to take it from standard input.

Without a share it ends with 0 if none is sealed, else with 9.

Examples:
  $ bulla unseal
  $ bulla unseal --at https://vault-1.example --at https://vault-2.example
  $ bulla unseal share-2.txt
  $ bulla unseal share-2.txt --at https://vault-2.example --fingerprint 9f86:d081:…`,
    )
    .action((share: string | undefined, options: UnsealOptions) =>
      share === undefined ? show(context, options) : give(context, share, options),
    );
}

interface AtProcess {
  /** Undefined where it is the vault of the profile. */
  readonly url: URL | undefined;
  readonly name: string;
}

async function show(context: Context, options: UnsealOptions): Promise<void> {
  if (options.fingerprint !== undefined)
    throw new UsageError('--fingerprint goes with a share: it says which key to seal it to');
  const bulla = await context.connect();
  const states = [];
  for (const { url, name } of await processesOf(context, options)) {
    const state = await bulla.unsealing.state(url).catch(orNothing);
    if (state === undefined) context.out.talk(`${name} has no root key in shares: there is nothing to unseal`);
    else states.push({ at: name, ...state });
  }
  sayStates(context, states);
  if (states.some(({ sealed }) => sealed)) context.exitCode = EXIT.notReady;
}

function orNothing(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error;
}

async function give(context: Context, path: string, options: UnsealOptions): Promise<void> {
  const share = (await readText(context.io, path)).trim();
  const { header, claims } = readShare(share, path);
  const processes = await processesOf(context, options);
  if (options.fingerprint !== undefined && processes.length > 1)
    throw new UsageError('--fingerprint is that of one process: give one --at with it');
  const bulla = await context.connect();
  const states = [];
  for (const { url, name } of processes) {
    const state = await bulla.unsealing.state(url);
    if (state.sealed) {
      context.out.talk(`share ${claims.index} of set ${fingerprint(header.kid)}, for ${name}`);
      const compared = await comparedKey(context, state, name, options.fingerprint);
      states.push({ at: name, ...(await bulla.unsealing.give(share, compared, url)) });
    } else states.push({ at: name, ...state });
  }
  sayStates(context, states);
}

function readShare(share: string, path: string) {
  try {
    return parseShare(share);
  } catch {
    throw new UsageError(
      `${path === '-' ? 'standard input' : path} is not a share`,
      '`bulla keys shamir create` writes shares',
    );
  }
}

/** The fingerprint that a person compared, which alone says that no other process stands in between. */
async function comparedKey(
  context: Context,
  state: UnsealingState,
  name: string,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) {
    // guard: unseal-compared
    if (given.trim().toLowerCase() !== state.fingerprint)
      throw new CheckFailed(`${name} shows the key ${state.fingerprint}, which is another: nothing was sent`);
    return state.fingerprint;
  }
  context.out.talk(`its key for shares: ${state.fingerprint}`);
  const question = 'Does the log of that process show the same fingerprint?';
  // guard: unseal-asked
  if (
    !(await context.asker.agrees(
      question,
      'compare it with the line vault-sealed of its log, then give it with --fingerprint',
    ))
  )
    throw new CheckFailed('it was not compared: nothing was sent');
  return state.fingerprint;
}

async function processesOf(context: Context, { at = [] }: UnsealOptions): Promise<AtProcess[]> {
  if (at.length === 0) return [{ url: undefined, name: new URL((await context.profile()).vaultUrl).origin }];
  return at.map((text) => {
    const url = new URL(requireHttpUrl('--at', text) ?? text);
    return { url, name: url.origin };
  });
}

function sayStates({ out, asJson }: Context, states: readonly ({ readonly at: string } & UnsealingState)[]): void {
  if (asJson) return out.json(states);
  if (states.length === 0) return;
  out.table([
    ['PROCESS', 'STATE', 'SHARES', 'SET', 'KEY FOR SHARES'],
    ...states.map(({ at, sealed, given, threshold, set, fingerprint: key }) => [
      at,
      sealed ? 'sealed' : 'unsealed',
      sealed ? `${given.length} of ${threshold}${given.length > 0 ? ` (${given.join(', ')})` : ''}` : '',
      fingerprint(set),
      key,
    ]),
  ]);
  if (states.some(({ sealed }) => sealed))
    out.talk(styled('sealed', 'strong'), ': it answers 423 where it needs the root key');
}
