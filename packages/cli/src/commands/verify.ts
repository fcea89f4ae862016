import type { AnswerInLogs, BundleVerdict } from '@bulla/client';
import { isChainGood, verifyAnswerFile, verifyAnswerInBundle } from '@bulla/client';
import { AuditFolder, isReceiptId } from '@bulla/client/node';
import type { Check, ProvedAnswer, Verdict } from '@bulla/crypto';
import { ANSWER_MAX_BYTES, fingerprint } from '@bulla/crypto';
import type { Command } from 'commander';
import { EXPLANATIONS, findingOf } from '../output/answer-explanations.js';
import type { Context } from '../context.js';
import { CheckFailed } from '../output/exit-code.js';
import { readBytes } from '../input/files.js';
import { styled } from '../output/output.js';
import type { PinToUse } from '../input/pins.js';
import { pinFor } from '../input/pins.js';
import { olderText, requireGoodLogs, verdictAsJson } from '../output/audit-verdict.js';
import { quoted } from '../output/visible-text.js';
import { receiptBytes } from './proxy/proxy-receipts.js';

interface VerifyOptions {
  readonly pin?: string;
  readonly json?: boolean;
  readonly explain?: boolean;
  readonly audit?: string;
}

/** `bulla verify` */
export function addVerifyCommand(program: Command, context: Context): void {
  program
    .command('verify <file>')
    .description('prove an answer.json: who answered what, under which keys; works offline')
    .option('--pin <sha256:…>', "the pin of the organisation's root, from somebody you trust (default: the profile's)")
    .option(
      '--explain',
      'say of each check what it looked at, against what, for which moment, and what it does not prove',
    )
    .option('--audit <folder>', 'say too whether the permission, the question and this answer are in exported logs')
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      `
Ends with 0 if the answer is VALID, else with 10 and the name of the check that failed.
<file> may also be the id of a receipt that \`bulla proxy receipts\` lists.
Anyone who has the pin can do this, without an account, without keys and without the vault.
– marks what nothing at hand could show; it decides nothing. With a profile, keys that
were revoked since are looked for in the documents that this machine trusted last.
With --audit the logs are verified as \`bulla audit verify\` does it. Then log-issue, log-claim and log-finish say where
the vault's log has the permission to ask, and the responder's log the question and exactly this answer, or which is missing.
log-checkpoint says whether the responder's log begins as the answer itself tells, so that nobody was shown another one.

Examples:
  $ bulla verify answer.json
  $ bulla verify answer.json --explain
  $ bulla verify answer.json --audit audit-2026-11   (\`bulla audit export --out audit-2026-11\` made the folder)
  $ bulla verify answer.json --pin sha256:3f… (64 digits, as \`bulla trust pin\` prints it)
  $ bulla run claims/triage --var claim=@claim.txt --json | bulla verify -`,
    )
    .action((file: string, options: VerifyOptions) => verify(context, file, options));
}

async function verify(
  context: Context,
  path: string,
  { pin: given, json, explain, audit }: VerifyOptions,
): Promise<void> {
  const { out } = context;
  const by = await pinFor(context, given, 'bulla verify answer.json --pin sha256:…');
  const bytes = isReceiptId(path)
    ? await receiptBytes(context, path)
    : await readBytes(context.io, path, ANSWER_MAX_BYTES);
  const { verdict, checks, valid, failure, answer } = await verdictOf(context, bytes, by);
  // What an answer says that is not good is nowhere.
  const logs = audit === undefined || failure !== undefined ? undefined : await inLogs(context, bytes, audit, by);
  if (json === true) {
    const { question: _, ...said } = answer ?? { question: undefined };
    const { code, check, message } = failure ?? {};
    out.json({
      valid,
      verdict,
      checks,
      ...(failure && { failure: { code, check, message } }),
      ...(answer && { answer: said }),
      ...(logs && {
        audit: { ...verdictAsJson(logs), valid: logs.valid && logs.answer.valid, entries: logs.answer.entries },
      }),
    });
  } else {
    for (const check of checks) showCheck(context, check, explain === true);
    for (const { name, state, detail } of logs?.answer.entries ?? [])
      out.check({ name, ok: state === 'passed', detail });
    if (answer === undefined) out.line(styled(verdict, 'bad'));
    else showVerdict(context, verdict, valid, answer);
    for (const one of logs?.older ?? []) out.talk(`– ${olderText(one)}`);
  }
  if (failure !== undefined) throw failure;
  if (!valid) throw new CheckFailed('the answer was good when it was made, but no longer counts (check revoked-since)');
  if (logs !== undefined) requireInLogs(logs);
}

/** Whether the answer is in exported logs, which are verified for it. */
function inLogs(context: Context, answer: Uint8Array<ArrayBuffer>, path: string, { pin, store }: PinToUse) {
  const work = verifyAnswerInBundle(answer, new AuditFolder(path), { pin, now: context.now(), store });
  return context.out.during('verifying the logs', work);
}

/** @throws {CheckFailed} naming what is missing; {EvidenceMisfit} for entries that are not this answer's */
function requireInLogs({ logs, answer }: BundleVerdict & { readonly answer: AnswerInLogs }): void {
  const missing = answer.entries.find(({ state }) => state === 'failed');
  const broken = logs.filter((log) => !isChainGood(log));
  // guard: cli-answer-log
  requireGoodLogs(broken);
  // guard: cli-answer-logged
  if (missing !== undefined) throw new CheckFailed(`${missing.detail} (check ${missing.name})`);
  // Of the answer all is well; of other entries it is not.
  // guard: cli-answer-log-evidence
  requireGoodLogs(logs);
}

async function verdictOf(context: Context, bytes: Uint8Array<ArrayBuffer>, { pin, store }: PinToUse): Promise<Verdict> {
  const now = context.now();
  const profile = store && (await context.findProfile());
  if (store === undefined || profile === undefined) return verifyAnswerFile(bytes, pin, { now });
  return verifyAnswerFile(bytes, pin, { now, remembered: { org: profile.org, store } });
}

function showCheck({ out }: Context, check: Check, isExplained: boolean): void {
  out.check(findingOf(check));
  if (!isExplained) return;
  const { name, against, at } = check;
  const words = EXPLANATIONS[name];
  const lines = [
    ['checked', words.checked],
    ['against', against === undefined ? words.against : toldApart(words.against, against)],
    ['at', at === undefined ? words.at : toldApart(words.at, at)],
    ['not proved', words.notProved],
  ];
  for (const [what = '', text = ''] of lines) out.line(`    ${what.padEnd(11)} ${text}`);
}

/** What is always so, and what it was this time. */
function toldApart(always: string, now: string): string {
  return always === now ? always : `${always}: ${now}`;
}

function showVerdict(
  { out }: Context,
  verdict: string,
  isValid: boolean,
  { responder, responderKey, prompt, model, finish, profile, answeredAt }: ProvedAnswer,
): void {
  const about = prompt === undefined ? '' : ` prompt=${prompt.name}@${prompt.version}`;
  out.line(
    styled(verdict, isValid ? 'good' : 'bad'),
    ` responder=${responder}#${fingerprint(responderKey)}${about} model=${quoted(model)} finish=${finish}`,
  );
  out.line(`made ${answeredAt}: by the clock of the responder, which signed it; nobody else vouches for that time`);
  if (isValid)
    out.line(
      'as of: the directory that the responder signed was issued then; its keys were judged by it, at the time of the answer',
    );
  if (profile === 'development') {
    out.talk(
      styled('note:', 'strong'),
      ' this is a development organisation: all its keys lie in one folder, so anyone with that folder could have made this answer',
    );
  }
}
