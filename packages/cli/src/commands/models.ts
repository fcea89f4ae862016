import { upstreamWords } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { TestedModel } from '../home/standalone-package.js';
import { loadStandalone } from '../home/standalone-package.js';
import { EXIT } from '../output/exit-code.js';

/** `bulla models …` */
export function addModelsCommands(program: Command, context: Context): void {
  const models = program
    .command('models')
    .description('what may answer at a responder')
    .addHelpText(
      'after',
      `
A prompt names a model in its file, under \`model\`. Which names there are, the operator of the responder decides
(BULLA_MODELS_FILE or BULLA_LLM); where the models run is not told.

Examples:
  $ bulla models list
  $ bulla models list --responder urn:bulla:acme:svc:responder:main
  $ bulla models test`,
    );
  models
    .command('list')
    .description('list the names that prompts may say')
    .option('--responder <urn>', 'ask this responder (default: the first of the directory)')
    .option('--json', 'print the names as JSON')
    .action((options: { readonly responder?: string }) => list(context, options.responder));
  models
    .command('test')
    .description('ask each model a small question, from here and without the responder')
    .option('--json', 'print what became of each as JSON')
    .addHelpText(
      'after',
      `
Run it where the responder runs, with its settings (BULLA_MODELS_FILE or BULLA_LLM): it opens no prompt and asks no
service. Each answer costs a few tokens. It ends with 1 if one of them does not answer.

Examples:
  $ BULLA_MODELS_FILE=models.yaml bulla models test`,
    )
    .action(() => test(context));
}

async function list(context: Context, wanted: string | undefined): Promise<void> {
  const { out } = context;
  const offered = await (await context.connect()).models(wanted);
  if (context.asJson) return out.json(offered);
  const { currency = '' } = offered;
  out.table([
    ['', 'MODEL', 'STANDS FOR', 'ASKED AT', 'CAN', 'PRICE'],
    ...offered.data.flatMap((one) => rowsOf(one, currency)),
  ]);
  out.talk('* answers prompts that name no model');
  if (offered.others) out.talk('other names are asked for too, as they are: the model server decides');
}

type Offered = Awaited<ReturnType<Awaited<ReturnType<Context['connect']>>['models']>>['data'][number];
type Answerer = Offered['targets'][number];

/** A line for each place where a name may be answered; an alias has the lines of what it stands for. */
function rowsOf(
  { name, default: isDefault, alias_of: aliasOf, targets, fallbacks }: Offered,
  currency: string,
): string[][] {
  const own = [isDefault ? '*' : '', name, aliasOf ?? ''];
  if (aliasOf !== undefined) return [own];
  const shared = targets.map((one) => placeOf(one, one.weight === undefined ? '' : ` (${one.weight})`, currency));
  const further = fallbacks.map((one) => placeOf({ ...one, upstream: `then ${one.upstream}` }, '', currency));
  return [...shared, ...further].map((place, index) => [...(index === 0 ? own : ['', '', '']), ...place]);
}

function placeOf({ upstream, can, price }: Answerer, share: string, currency: string): string[] {
  const cost = price === undefined ? '' : `${price.input} / ${price.output} ${currency}`;
  return [`${upstream}${share}`, can?.join(' ') ?? '', cost];
}

/** Past the responder, with the settings that it has: who may ask a model for nothing is its operator. */
async function test(context: Context): Promise<void> {
  const { out, io } = context;
  const standalone = await loadStandalone(io);
  const tested: TestedModel[] = [];
  for await (const one of standalone.testModels(standalone.readStandaloneSettings(io.env), io.env)) {
    tested.push(one);
    if (!context.asJson) out.line(`${MARKS[one.outcome]} ${one.name} at ${one.upstream}: ${wordsOf(one)}`);
  }
  if (context.asJson) out.json(tested.map(resultOf));
  if (tested.some(({ outcome }) => outcome === 'failed')) context.exitCode = EXIT.error;
}

const MARKS = { answered: '✔', failed: '✘', not_asked: '–' } as const;

function wordsOf({ outcome, model, usage, durationMs = 0, code, cause, status, host }: TestedModel): string {
  if (outcome === 'not_asked') return 'it makes embeddings, and was not asked';
  if (outcome === 'failed') return upstreamWords({ cause, status, host }) ?? code ?? 'internal';
  const counts = usage === undefined ? '' : `, ${usage.prompt_tokens} in / ${usage.completion_tokens} out tokens`;
  return `${model ?? 'it'} answered in ${(durationMs / 1000).toFixed(1)} s${counts}`;
}

function resultOf({
  name,
  upstream,
  host,
  outcome,
  durationMs,
  model,
  usage,
  code,
  cause,
  status,
}: TestedModel): object {
  return { name, upstream, host, outcome, duration_ms: durationMs, model, usage, code, cause, status };
}
