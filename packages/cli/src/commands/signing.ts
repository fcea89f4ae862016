import type { OpenedVersion, ProposedMove } from '@bulla/client';
import { Hash } from '@bulla/contract';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { CheckFailed } from '../output/exit-code.js';
import type { Screen } from '../output/move-screen.js';
import { moveScreen } from '../output/move-screen.js';
import { instant } from '../output/statement-lines.js';
import { UsageError } from '../input/usage-error.js';

/** How a command that signs where a label points is told what it may sign. */
export interface SigningOptions {
  readonly expect?: string;
  readonly yes?: boolean;
  readonly full?: boolean;
  readonly json?: boolean;
}

/** In the place of a hash where a label is to be removed: there is no content. */
const REMOVAL = 'removal';

/** The options of a command that shows a move before it signs it. */
export function addSigningOptions(command: Command): Command {
  return command
    .option('--full', 'show all of the text, not only what changed')
    .option('--expect <sha256:…>', 'sign only if the content is this; nobody is asked where there is no terminal')
    .option('--yes', 'do not ask; needs --expect')
    .option('--json', 'print the result as JSON');
}

/**
 * Shows a move, and returns only if it may be signed: somebody at the terminal agreed, or the command names the content.
 * @param again the command that signs this move, without --yes and --expect
 * @throws {UsageError} if nobody is there to ask, or says no; {CheckFailed} if the content is not what the command names
 */
export async function requireAgreement(
  context: Context,
  move: ProposedMove,
  options: SigningOptions,
  again: string,
): Promise<void> {
  const { out, asker, io } = context;
  const self = await context.beholder();
  const screen = moveScreen(move, { self, whole: options.full === true });
  const content = contentOf(move);
  const isExpected = options.expect === undefined || requireContent(options.expect) === content;
  const isAsked = asker.isTerminal && io.stderr.isTTY === true && options.yes !== true;
  if (isAsked) showScreen(screen, (...parts) => out.must(...parts));
  else showScreen(screen, (...parts) => out.talk(...parts));
  // guard: cli-expect
  if (!isExpected) {
    const target =
      move.target === undefined ? 'the label would be removed' : `version ${move.target.version} is ${content}`;
    throw new CheckFailed(`${target}, which is not what --expect names: nothing was signed (check expect)`);
  }
  if (isAsked) return ask(context, move, screen);
  // guard: cli-unseen
  if (options.expect === undefined) {
    const why = options.yes === true ? '--yes needs --expect' : 'there is no terminal to ask at';
    throw new UsageError(
      `nothing was signed: ${why}`,
      `if what is shown is what you want to sign: ${again} --yes --expect ${content}`,
    );
  }
}

/** Asks until everything was shown that is to be signed. */
async function ask(context: Context, move: ProposedMove, { isCut }: Screen): Promise<void> {
  const { out, asker } = context;
  const self = await context.beholder();
  // guard: cli-whole
  if (isCut) {
    const answer = await asker.line('Not all of it is shown. Show the rest? (all/no)');
    if (answer.toLowerCase() !== 'all') throw new UsageError('nothing was signed');
    showScreen(moveScreen(move, { self, whole: true }), (...parts) => out.must(...parts));
  }
  if (!(await asker.agrees('Sign this?'))) throw new UsageError('nothing was signed');
}

export function showScreen({ lines }: Screen, print: (...parts: Screen['lines'][number]) => void): void {
  for (const line of lines) print(...line);
}

/** What --expect names: the content, or that the label is to be removed. */
export function contentOf({ target }: ProposedMove): string {
  return target === undefined ? REMOVAL : `sha256:${target.chash}`;
}

/** What a program reads of a version that was opened. The keys of attachments stay where they are. */
export function describeVersion({ version, chash, author, statement }: OpenedVersion) {
  const { acl, input, content, attachments, custody, iat, message, protect_until } = statement;
  const files = attachments.map(({ id, size, hash }) => ({ id, size, hash }));
  const created_at = instant(iat);
  return {
    version,
    chash,
    author,
    created_at,
    message,
    custody,
    protect_until,
    acl,
    input,
    content,
    attachments: files,
  };
}

/** @throws {UsageError} */
export function requireContent(text: string): string {
  if (text === REMOVAL) return text;
  const hash = text.replace(/^sha256:/, '');
  if (Hash.safeParse(hash).success) return `sha256:${hash}`;
  throw new UsageError(
    '--expect: that is no content: it is sha256: and 43 characters',
    'the command shows it where it is called without --expect; so does `bulla prompt show NAME --version N`',
  );
}
