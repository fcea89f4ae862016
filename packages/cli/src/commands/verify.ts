import { verifyAnswerFile } from '@bulla/client';
import type { Verdict } from '@bulla/crypto';
import { fingerprint, parseAnswer, parseFin } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { CheckFailed } from '../exit-code.js';
import { readBytes } from '../files.js';
import { styled } from '../output.js';
import { UsageError } from '../usage-error.js';

interface VerifyOptions {
  readonly pin?: string;
  readonly json?: boolean;
}

/** `bulla verify` */
export function addVerifyCommand(program: Command, context: Context): void {
  program
    .command('verify <file>')
    .description('prove an answer.json: who answered what, under which keys; works offline')
    .option('--pin <sha256:…>', "the pin of the organisation's root, from somebody you trust (default: the profile's)")
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      `
Ends with 0 if every check passes, else with 10 and the name of the check that failed.
Whoever has the pin can do this, without an account and without the vault.

Examples:
  $ bulla verify answer.json
  $ bulla verify answer.json --pin sha256:3f… (64 digits, as \`bulla trust pin\` prints it)
  $ bulla run claims/triage --var claim=@claim.txt --json | bulla verify -`,
    )
    .action((file: string, options: VerifyOptions) => verify(context, file, options));
}

async function verify(context: Context, path: string, options: VerifyOptions): Promise<void> {
  const { out } = context;
  if (options.pin !== undefined && !/^sha256:[0-9a-f]{64}$/.test(options.pin))
    throw new UsageError('--pin: expected sha256: and 64 hexadecimal digits');
  const bytes = await readBytes(context.io, path);
  const verdict = await verdictOf(context, bytes, options.pin);
  if (options.json === true) {
    const { question: _, ...rest } = verdict;
    out.json(rest);
  } else showVerdict(context, verdict, bytes);
  if (!verdict.valid) {
    const failed = verdict.checks.filter(({ ok }) => !ok).map(({ name }) => name);
    throw new CheckFailed(`the answer was good when it was made, but no longer counts (check ${failed.join(', ')})`);
  }
}

async function verdictOf(context: Context, bytes: Uint8Array<ArrayBuffer>, pin: string | undefined): Promise<Verdict> {
  const profile = await context.findProfile();
  if (profile !== undefined && (pin === undefined || pin === profile.pin))
    return (await context.offline()).verify(bytes);
  if (pin === undefined)
    throw new UsageError(
      'there is no profile here that says whom to trust',
      'give the pin of the organisation: bulla verify answer.json --pin sha256:…',
    );
  return verifyAnswerFile(bytes, pin);
}

function showVerdict({ out }: Context, verdict: Verdict, bytes: Uint8Array<ArrayBuffer>): void {
  for (const check of verdict.checks) out.check(check);
  const { kid } = parseFin(parseAnswer(bytes).evidence.fin).header;
  const prompt = verdict.prompt === undefined ? '' : ` prompt=${verdict.prompt.name}@${verdict.prompt.version}`;
  out.line(
    styled(verdict.verdict, verdict.valid ? 'good' : 'bad'),
    ` responder=${verdict.responder}#${fingerprint(kid)}${prompt} model=${verdict.model} finish=${verdict.finish}`,
  );
  if (verdict.profile === 'development') {
    out.talk(
      styled('note:', 'strong'),
      ' this is a development organisation: all its keys lie in one folder, so whoever has that folder could have made this answer',
    );
  }
}
