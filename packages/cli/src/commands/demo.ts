import type { Answer, Bulla } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { Refusal } from '../demo/demo-attacks.js';
import { misuseEnvelope, recordQuestion, tamperWithAnswer } from '../demo/demo-attacks.js';
import { CheckFailed } from '../output/exit-code.js';
import { writeWhole } from '../input/files.js';
import { shortName } from '../input/names.js';
import type { Part } from '../output/output.js';
import { styled } from '../output/output.js';
import { UsageError } from '../input/usage-error.js';
import { draftOf } from '../input/prompt-draft.js';
import { findingOf } from '../output/answer-explanations.js';
import { quoted } from '../output/visible-text.js';

const NAME = 'demo/claim-triage';
/** No policy is likely to protect it: several people would have to sign before the demo could go on. */
const LABEL = 'demo';
const PROMPT = `---
vars:
  claim:
    max: 4000
---
Sort this insurance claim by urgency. Say high, medium or low, and give the reason in one sentence.
Water that still flows is always urgent.

{{claim}}
`;
const CLAIM = `A pipe broke in the kitchen last night. Water is still flowing through the ceiling of the flat below.
The insured has photographs. The last claim was nine years ago.`;

/** `bulla demo` */
export function addDemoCommand(program: Command, context: Context): void {
  program
    .command('demo')
    .description('one prompt through every step, with every check printed, and attacks that must be refused')
    .option('-o, --out <file>', 'keep the answer file, to look at and to verify')
    .option('--json', 'print every check as JSON, in the end')
    .addHelpText(
      'after',
      `
Needs a running \`bulla up\`. It stores one prompt, ${NAME}, under a label of its own, ${LABEL}, and can be run as
often as you like. Each line is what a function returned just then. Ends with 0, with 10 and the check that failed, or
with the code of what kept it from going on (\`bulla --help\`): 8 where the vault does not answer, 5 where you may not
write this prompt.

Examples:
  $ bulla demo
  $ bulla demo --out answer.json && bulla verify answer.json`,
    )
    .action((options: { out?: string }) => demo(context, options.out));
}

/** What the demo does and finds out: said at once for people, kept to the end for a program. */
class Report {
  readonly #context: Context;
  readonly #checks: object[] = [];
  #step = '';

  constructor(context: Context) {
    this.#context = context;
  }

  step(text: string): void {
    this.#step = text;
    this.line(styled(text, 'strong'));
  }

  pass(name: string, detail: string): void {
    this.check({ name, ok: true, detail });
  }

  check(finding: Parameters<Context['out']['check']>[0]): void {
    const { name, ok, detail } = finding;
    this.#checks.push({ step: this.#step, name, ok: ok ?? null, detail });
    if (!this.#context.asJson) this.#context.out.check(finding);
  }

  line(...parts: readonly Part[]): void {
    if (!this.#context.asJson) this.#context.out.line(...parts);
  }

  /** @param more what came out of it, where it came to its end. */
  end(ok: boolean, more: object = {}): void {
    if (this.#context.asJson) this.#context.out.json({ ok, checks: this.#checks, ...more });
  }
}

async function demo(context: Context, outPath: string | undefined): Promise<void> {
  const report = new Report(context);
  try {
    report.end(true, await goThrough(context, report, outPath));
  } catch (error) {
    if (error instanceof CheckFailed) report.end(false);
    throw error;
  }
}

async function goThrough(context: Context, report: Report, outPath: string | undefined): Promise<object> {
  const { io } = context;
  const recorder = recordQuestion(io.fetch);
  const bulla = await context.connect(recorder.fetch);

  report.step('1. whom this machine trusts');
  const trust = await bulla.trust();
  report.pass('pin', `${trust.pin} is the first root of ${trust.org}`);
  report.pass(
    'documents',
    `root ${trust.root.version}, policy ${trust.policy.version}, directory ${trust.directory.version}, the first expires ${new Date(trust.expiresAt * 1000).toISOString().slice(0, 10)}`,
  );

  report.step('2. a prompt, sealed here and stored as ciphertext');
  await store(context, report, bulla);

  report.step('3. one question, answered whole and as a stream');
  const whole = await bulla.prompt(NAME, { label: LABEL }).run({ claim: CLAIM }, { signal: io.signal });
  const used = recorder.sent();
  describeAnswer(report, 'answer', whole);
  const { answer, pieces } = await stream(bulla, io.signal);
  describeAnswer(report, 'stream', answer, `in ${pieces} piece${pieces === 1 ? '' : 's'}, `);
  if (answer.model.startsWith('builtin:'))
    report.line(
      `  note: ${quoted(answer.model)} is not a language model; it picks sentences by a stated rule. For a model: BULLA_LLM=openai:… bulla up`,
    );
  report.line();
  for (const line of answer.text.split('\n')) report.line(`    ${line}`);
  report.line();

  report.step('4. what the answer file proves to others');
  const file = answer.toFile();
  const verdict = await bulla.verify(file);
  for (const check of verdict.checks) report.check(findingOf(check));
  if (!verdict.valid)
    throw new CheckFailed(`the answer does not count (check ${verdict.failure?.check ?? 'revoked-since'})`);
  report.line(`  ${verdict.verdict}`);
  if (outPath !== undefined) await writeWhole(outPath, file);

  report.step('5. what must be refused');
  const refusals = await tamperWithAnswer(file, trust.pin, context.now());
  if (used !== undefined) {
    const attacker = { trust, identity: await context.identity(), fetch: io.fetch, now: context.now() };
    refusals.push(...(await misuseEnvelope(attacker, used)));
  }
  requireRefused(report, refusals);
  const passed = verdict.checks.filter(({ state }) => state === 'passed').length;
  report.line(
    styled('demo ok', 'good'),
    `: ${passed} checks of the answer passed, ${refusals.length} attacks were refused`,
  );
  const { model, text } = answer;
  return { verdict: verdict.verdict, model, text, answer_file: outPath ?? null };
}

/** Pushes the prompt and opens what the vault has of it, which must be what was pushed. */
async function store(context: Context, report: Report, bulla: Bulla): Promise<void> {
  const { threshold } = (await bulla.trust()).labelRule(NAME, LABEL);
  // guard: cli-demo-protected
  if (threshold > 1)
    throw new UsageError(
      `the policy asks ${threshold} people to sign the label ${LABEL}, and the demo is one: nothing was stored`,
      'take the rule away (bulla policy show), or run it in a home of its own: BULLA_HOME=…',
    );
  const { draft } = draftOf(PROMPT, 'the prompt of bulla demo');
  const pushed = await bulla.prompts.push(NAME, 'text', draft, [LABEL]);
  const self = (await context.identity()).urn;
  const sealedFor = pushed.changed
    ? `sealed for ${pushed.recipients.map((urn) => shortName(urn, self)).join(', ')}`
    : 'there already, unchanged';
  report.pass('stored', `${pushed.name} v${pushed.version}, ${sealedFor}`);
  const opened = await bulla.prompts.read(NAME, { label: LABEL });
  if (JSON.stringify(opened.statement.content) !== JSON.stringify(draft.content))
    throw new CheckFailed('the vault holds another text than the one pushed (check prompt-text)');
  report.pass('opened', `the label ${LABEL} names v${opened.version}, content sha256:${opened.chash}`);
  report.pass('author', `signed by ${shortName(opened.author, self)}`);
}

async function stream(bulla: Bulla, signal: AbortSignal): Promise<{ answer: Answer; pieces: number }> {
  let pieces = 0;
  for await (const event of bulla.prompt(NAME, { label: LABEL }).stream({ claim: CLAIM }, { signal })) {
    if (event.answer !== undefined) return { answer: event.answer, pieces };
    pieces += 1;
  }
  throw new CheckFailed('the stream ended without its signed end (check reply-final)');
}

function describeAnswer(report: Report, name: string, { usage, model, prompt, responder }: Answer, before = ''): void {
  const tokens = `${usage.prompt_tokens ?? '?'} tokens in, ${usage.completion_tokens ?? '?'} out`;
  report.pass(
    name,
    `${before}${prompt.name} v${prompt.version}, ${tokens}, by ${quoted(model)}, signed by ${responder.split(':').slice(3).join(':')}`,
  );
}

function requireRefused(report: Report, refusals: readonly Refusal[]): void {
  for (const { attempt, by } of refusals)
    report.check({
      name: by === undefined ? 'ACCEPTED' : 'refused',
      ok: by !== undefined,
      detail: `${attempt}${by === undefined ? '' : ` (${by})`}`,
    });
  const accepted = refusals.find(({ by }) => by === undefined);
  if (accepted !== undefined)
    throw new CheckFailed(`something was accepted that must be refused: ${accepted.attempt} (check tampering)`);
}
