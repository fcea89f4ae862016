import { AuditStream } from '@bulla/client';
import { StreamFolder } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import type { SinkOptions } from '../../input/stream-sink.js';
import { openSink, requireSinkAddress, withSink } from '../../input/stream-sink.js';
import { streamLine } from '../../output/stream-words.js';

interface StreamOptions extends SinkOptions {
  readonly to: string;
  readonly state: string;
  readonly fromNow?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `bulla audit stream` */
export function addStreamCommand(audit: Command, context: Context): void {
  withSink(
    audit
      .command('stream')
      .description('pass every entry on to a SIEM, by syslog or HTTP, until it is stopped')
      .requiredOption('--to <address>', 'syslog+tls://HOST:6514, syslog+tcp://127.0.0.1:601 or https://HOST/PATH')
      .requiredOption(
        '--state <folder>',
        'where it keeps how far it is, and what the sink refused; one for each stream',
      )
      .option('--from-now', 'a new stream begins with what comes next, and not with the oldest entry')
      .option('--once', 'end when every signed entry has been sent'),
  )
    .option('--json', 'print what happens as JSON, an object in a line')
    .addHelpText(
      'after',
      `
Every entry leaves at least once, in the order of its log, and only after it was shown to be in the tree that the service
signed. A log that is not what it was ends the stream with 10. Who receives an entry twice knows it by origin and index.
While the sink is away the log waits: nothing is lost, and no service notices.

What the sink refuses for good (HTTP 400, 413 or 422 for one entry; a message longer than --max-message) is set aside:
\`bulla audit dead-letters\` shows it and sends it again. A bearer token for HTTP comes from BULLA_STREAM_TOKEN_FILE.
Syslog has no answers: what that means is in docs/guide/audit.md, "Streaming to a SIEM".

Examples:
  $ bulla audit stream --to syslog+tls://siem.example:6514 --ca siem-ca.pem --state /var/lib/bulla-stream
  $ BULLA_STREAM_TOKEN_FILE=siem.token bulla audit stream --to https://siem.example/audit --state siem
  $ bulla audit stream --to https://siem.example/audit --state siem --once`,
    )
    .action((options: StreamOptions) => run(context, options));
}

async function run(context: Context, options: StreamOptions): Promise<void> {
  const { io, out } = context;
  const to = requireSinkAddress(options.to, options);
  const sink = await openSink(io, to, options);
  const { org } = await context.identity();
  const { pin } = await context.profile();
  const folder = await StreamFolder.open(options.state, { org, pin, to });
  try {
    const bulla = await context.connect();
    const stream = new AuditStream({
      audit: bulla.audit,
      sink,
      journal: folder,
      signal: io.signal,
      once: options.once === true,
      fromNow: options.fromNow === true,
      now: () => context.now(),
      told: (event) => (options.json === true ? out.jsonLine(event) : out.talk(streamLine(event))),
    });
    await stream.run();
  } finally {
    await folder.close();
  }
}
