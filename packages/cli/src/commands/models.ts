import type { Command } from 'commander';
import type { Context } from '../context.js';

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
  $ bulla models list --responder urn:bulla:acme:svc:responder:main`,
    );
  models
    .command('list')
    .description('list the names that prompts may say')
    .option('--responder <urn>', 'ask this responder (default: the first of the directory)')
    .option('--json', 'print the names as JSON')
    .action((options: { readonly responder?: string }) => list(context, options.responder));
}

async function list(context: Context, wanted: string | undefined): Promise<void> {
  const { out } = context;
  const offered = await (await context.connect()).models(wanted);
  if (context.asJson) return out.json(offered);
  out.table([
    ['', 'MODEL', 'STANDS FOR'],
    ...offered.data.map(({ name, default: isDefault, alias_of: aliasOf = '' }) => [
      isDefault ? '*' : '',
      name,
      aliasOf,
    ]),
  ]);
  out.talk('* answers prompts that name no model');
  if (offered.others) out.talk('other names are asked for too, as they are: the model server decides');
}
