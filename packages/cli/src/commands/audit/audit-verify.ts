import type { AuditVerdict, LiveVerdict } from '@bulla/client';
import { AuditFolder } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { UsageError } from '../../input/usage-error.js';
import { requireComplete, requireGoodLogs, showVerdict, verdictAsJson } from '../../output/audit-verdict.js';
import { CheckFailed } from '../../output/exit-code.js';
import { verifyFolder } from './audit-source.js';

interface VerifyOptions {
  readonly pin?: string;
  readonly complete?: boolean;
  readonly json?: boolean;
}

type Verified = AuditVerdict & Partial<Pick<LiveVerdict, 'unreached'>>;

/** `bulla audit verify` */
export function addVerifyAuditCommand(audit: Command, context: Context): void {
  audit
    .command('verify [folder]')
    .description(
      'prove that no entry was changed, moved or taken away: exported logs offline, or the services as they are',
    )
    .option('--pin <sha256:…>', "the pin of the organisation's root, from somebody you trust (default: the profile's)")
    .option('--complete', 'demand all that this machine knows of: no older export, and no key that no directory lists')
    .option('--json', 'print what was found as JSON')
    .addHelpText(
      'after',
      `
Ends with 0 if every log is good; with 10 if one is not what it was, and the first entry that is not right; with 10 too if
something of a log is gone, or came too late, until \`bulla audit accept-loss\`; with 12 if all are good, and some entries do not fit what shows who asked for them: "evidence BAD" names them. The rest is verified all the same.
With a folder, anyone who has the pin can do this, without an account, without keys and without a network.
– marks what nothing at hand could show; it decides nothing. So an older export is good, and told to be older.

Of each log, in this order:
  checkpoint   size and root are signed by a key that the directory lists for this service
  key          whether that key is still listed, and not revoked
  entries      every entry is in the tree of that root, none is left out, and nothing stands between them
  kept-head    the log begins with what this machine saw of it before (it remembers the newest head of each log)
  told-heads   so it does with each state of it that answers told of (\`bulla run\` and \`bulla verify\` keep them)
  witnesses    as many of the policy's witnesses as it asks for have seen the log, and it begins with what each of them saw
  log-before   what a log that begins anew says of those before it, each by that log's own signature
  loss         what of it was signed and is gone, or came after a newer log began, and counts nothing
  evidence     who is named may have done it, and signed a request for just that, once; what is not there, an owner had erased

Examples:
  $ bulla audit verify
  $ bulla audit verify audit-2026-11
  $ bulla audit verify audit-2026-11 --pin sha256:3f… (64 digits, as \`bulla trust pin\` prints it)`,
    )
    .action((folder: string | undefined, options: VerifyOptions) => verify(context, folder, options));
}

async function verify(context: Context, folder: string | undefined, options: VerifyOptions): Promise<void> {
  const { out } = context;
  const { pin, json, complete } = options;
  const verdict = folder === undefined ? await verifyLive(context, pin) : await verifyOffline(context, folder, pin);
  if (json === true) out.json(verdictAsJson(verdict));
  else showVerdict(out, verdict);
  for (const { service, error } of json === true ? [] : (verdict.unreached ?? []))
    out.talk(`– ${service}: ${error.message}`);
  if (verdict.logs.length === 0 && (verdict.unreached ?? []).length === 0)
    throw new CheckFailed('there is no log to verify: no service has signed one yet');
  requireGoodLogs(verdict.logs);
  if (complete === true) requireComplete(verdict);
  for (const { error } of verdict.unreached ?? []) throw error;
}

async function verifyLive(context: Context, pin: string | undefined): Promise<Verified> {
  if (pin !== undefined) throw new UsageError('--pin is for a folder', 'a profile has its own pin');
  const bulla = await context.connect();
  let entries = 0;
  const work = bulla.audit.verify({ onProgress: (count) => (entries = count) });
  return context.out.during(() => `verifying the logs: ${entries} entries`, work);
}

async function verifyOffline(context: Context, path: string, pin: string | undefined): Promise<Verified> {
  let entries = 0;
  const work = verifyFolder(context, new AuditFolder(path), pin, () => entries++);
  return context.out.during(() => `verifying the logs: ${entries} entries`, work);
}
