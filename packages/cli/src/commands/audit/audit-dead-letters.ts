import type { DeadLetter, Resent } from '@bulla/client';
import { resend } from '@bulla/client';
import { StreamFolder } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import type { SinkOptions } from '../../input/stream-sink.js';
import { openSink, withSink } from '../../input/stream-sink.js';
import { CheckFailed } from '../../output/exit-code.js';
import { counted, styled } from '../../output/output.js';

interface LettersOptions extends SinkOptions {
  readonly state: string;
  readonly send?: boolean;
  readonly json?: boolean;
}

/** `bulla audit dead-letters` */
export function addDeadLettersCommand(audit: Command, context: Context): void {
  withSink(
    audit
      .command('dead-letters')
      .description('entries that the sink of a stream refused; and send them again')
      .requiredOption('--state <folder>', 'the folder of the stream, which has to be stopped')
      .option('--send', 'send them to the sink of the stream again; what it takes is taken off'),
  )
    .option('--json', 'print each as a line of JSON; with --send what became of them')
    .addHelpText(
      'after',
      `
Examples:
  $ bulla audit dead-letters --state /var/lib/bulla-stream
  $ bulla audit dead-letters --state /var/lib/bulla-stream --send --max-message 131072 --ca siem-ca.pem`,
    )
    .action((options: LettersOptions) => deadLetters(context, options));
}

async function deadLetters(context: Context, options: LettersOptions): Promise<void> {
  const folder = await StreamFolder.open(options.state, undefined);
  try {
    const letters = await folder.letters();
    if (options.send !== true) return show(context, letters);
    await send(context, folder, letters, options);
  } finally {
    await folder.close();
  }
}

function show(context: Context, letters: readonly DeadLetter[]): void {
  const { out } = context;
  if (context.asJson) for (const letter of letters) out.jsonLine(letter);
  else if (letters.length === 0) out.talk('the sink refused nothing');
  else out.table([HEAD, ...letters.map(({ at, origin, index, reason }) => [at, origin, String(index), reason])]);
}

const HEAD = ['REFUSED', 'LOG', 'INDEX', 'WHY'];

async function send(
  context: Context,
  folder: StreamFolder,
  letters: readonly DeadLetter[],
  options: LettersOptions,
): Promise<void> {
  const { io, out } = context;
  const sink = await openSink(io, folder.to, options);
  const onAway = (_: unknown, { reason }: { reason: string }) => Promise.resolve(out.talk(`sink away: ${reason}`));
  const { sent, left }: Resent = await resend(letters, { sink, signal: io.signal, onAway });
  await folder.keepLetters(left);
  context.result(
    { sent, left: left.length },
    styled('✔', 'good'),
    ` ${counted(sent, 'dead letter')} sent, ${left.length} left`,
  );
  // guard: dead-letters-left
  if (left.length > 0) throw new CheckFailed(`the sink did not take ${counted(left.length, 'dead letter')}`);
}
