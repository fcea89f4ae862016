import { once } from 'node:events';
import { BullaError, identityOf } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { IDENTITY, readKeyFile } from '@bulla/client/node';
import { fingerprint } from '@bulla/crypto';
import type { Command } from 'commander';
import { Context } from '../context.js';
import { DevelopmentHome, withHome } from '../home/development-home.js';
import { HomeDatabase } from '../home/home-database.js';
import { HomeRenewer } from '../home/home-renewer.js';
import { styled } from '../output/output.js';
import { SettingError } from '../input/settings.js';
import type { Addresses, StandaloneSettings } from '../home/standalone-package.js';
import { loadStandalone } from '../home/standalone-package.js';
import { beginLabels, begunLine } from './trust/trust-renew.js';

const SETTINGS_HELP = `
Settings, from the environment; X_FILE names a file that holds X:
  BULLA_HOME              where everything is kept (default ~/.bulla)
  BULLA_VAULT_PORT        4100     BULLA_RESPONDER_PORT   4200
  BULLA_METRICS_PORT      9464, and the next port
  BULLA_HOST              the address to listen on (default 127.0.0.1)
  BULLA_DATABASE_URL      postgresql://… (default: an embedded database in BULLA_HOME)
  BULLA_LLM               openai:http://127.0.0.1:11434/v1, builtin:extract (default) or builtin:echo
  BULLA_MODELS_FILE       a file of several models, instead of BULLA_LLM (docs/guide/models.md)
  BULLA_LLM_MODEL         the model where a prompt names none
  BULLA_LLM_API_KEY       its key, better as BULLA_LLM_API_KEY_FILE
  BULLA_LLM_TIMEOUT_MS    the longest a model may take (default 120000)
  BULLA_PUBLIC_URL        further URLs under which clients reach the services, separated by commas
  BULLA_TLS_CERT_FILE     with BULLA_TLS_KEY_FILE: the services speak TLS (docs/guide/tls.md)
  BULLA_LOG_LEVEL         fatal, error, warn, info, debug or silent (default info, at a terminal warn)
  BULLA_LOG_FORMAT        json or pretty (default json, at a terminal pretty)
and those of bigger installations: docs/guide/configuration.md

builtin:extract is not a language model: it picks sentences of the prompt by a stated rule.`;

interface UpOptions {
  readonly databaseChanged?: boolean;
}

/** `bulla up` */
export function addUpCommand(program: Command, context: Context): void {
  program
    .command('up')
    .description('run vault and responder here, and make a development organisation the first time')
    .option('--database-changed', 'go on with another database than before; prompts are not moved to it')
    .option('--json', 'print what runs where as JSON, once it is ready')
    .addHelpText(
      'after',
      `${SETTINGS_HELP}\n\nExamples:\n  $ bulla up\n  $ BULLA_LLM=openai:http://127.0.0.1:11434/v1 bulla up`,
    )
    .action((options: UpOptions) => up(context, options));
}

async function up(context: Context, { databaseChanged = false }: UpOptions): Promise<void> {
  const { io, out, asker } = context;
  refuseProduction(io.env);
  const standalone = await loadStandalone(io);
  const settings = standalone.readStandaloneSettings(forPeople(io));
  const home = context.homeAt(settings.BULLA_HOME);
  await withHome(home, async () => {
    const addresses = await standalone.findAddresses(settings);
    const { vaultUrl, responderUrl } = addresses;
    const development = new DevelopmentHome(home, io);
    const database = new HomeDatabase(home, { accepts: databaseChanged });
    out.talk(`bulla: starting; everything is kept in ${home.folder}`);
    let running: { stop(): Promise<void> } | undefined;
    const renewer = new HomeRenewer(home, context);
    let pin = '';
    try {
      running = await standalone.start({
        settings,
        environment: io.env,
        addresses,
        home: home.folder,
        recognise: (found) => database.recognise(found),
        organisation: async (at, keptHashes) => {
          const isNew = (await home.read(IDENTITY)) === undefined;
          const { changes, stale, ...served } = await development.prepare(at, {
            keptHashes,
            beginsLogs: database.isAnother,
          });
          ({ pin } = served);
          for (const change of changes) out.talk(`bulla: ${change}`);
          for (const line of stale) out.must(`bulla: note: ${line}`);
          if (isNew) await introduce(context, home, served.pin);
          return served;
        },
        // The responder starts after that: it needs a directory that somebody calls the newest.
        publish: async () => {
          for (const line of await development.publish(vaultUrl, database)) out.talk(`bulla: ${line}`);
          if (database.isAnother)
            out.talk(
              `bulla: from now on this folder works with ${database.name}; prompts of before stay in the other one`,
            );
          await renewer.begin(vaultUrl, pin);
        },
        ask: asker.isTerminal ? (question) => asker.hidden(question) : undefined,
        signal: io.signal,
      });
      renewer.start();
      await beginEarlierLabels(context, home);
      if (context.asJson)
        out.json({
          state: 'ready',
          vault: vaultUrl,
          responder: responderUrl,
          model: describeModel(settings),
          pin,
          home: home.folder,
        });
      else sayReady(context, settings, { vaultUrl, responderUrl, home });
      if (!io.signal.aborted) await once(io.signal, 'abort');
    } catch (error) {
      // A user who stops it while it starts gets what they asked for.
      if (!io.signal.aborted) throw error;
    } finally {
      out.talk('bulla: stopping');
      await renewer.stop();
      await running?.stop();
    }
  });
  out.talk('bulla: stopped');
}

function sayReady(
  { out }: Context,
  settings: StandaloneSettings,
  { vaultUrl, responderUrl, home }: Addresses & { readonly home: Home },
): void {
  out.line(
    styled('bulla: ready', 'good'),
    `  vault ${vaultUrl}  responder ${responderUrl}  answers by ${describeModel(settings)}`,
  );
  out.line(
    `bulla: try it in a second terminal:  ${settings.BULLA_HOME === undefined ? '' : `BULLA_HOME=${home.folder} `}npx bulla demo`,
  );
  out.line(`bulla: what the services can do:     ${vaultUrl}/api/docs and ${responderUrl}/api/docs`);
}

/** At a terminal the log of the services is for people, and quiet about what goes well, unless settings say otherwise. */
function forPeople({ env, stderr }: Context['io']): Context['io']['env'] {
  if (stderr.isTTY !== true) return env;
  const isSet = (name: string) => (env[name] ?? '') !== '' || (env[`${name}_FILE`] ?? '') !== '';
  return {
    ...env,
    ...(isSet('BULLA_LOG_FORMAT') ? {} : { BULLA_LOG_FORMAT: 'pretty' }),
    ...(isSet('BULLA_LOG_LEVEL') ? {} : { BULLA_LOG_LEVEL: 'warn' }),
  };
}

/** The first time: who this device is from now on, and what others need who verify its answers. */
async function introduce({ out }: Context, home: Home, pin: string): Promise<void> {
  const file = await readKeyFile(home, IDENTITY);
  if (file === undefined) return;
  const { urn, signer } = await identityOf(file);
  out.talk(`bulla: this device is ${urn}, the owner, with key ${fingerprint(signer.kid)}`);
  out.talk(`bulla: the pin is ${pin}: with it anybody can verify answers`);
}

/** All keys of what it serves lie in one folder (protocol.md §4): the services refuse that in production, and so does this. */
function refuseProduction(env: Context['io']['env']): void {
  if (env['NODE_ENV'] === 'production')
    throw new SettingError(
      'NODE_ENV is production; expected anything else, since bulla up serves a development organisation: run the vault and the responder on their own instead',
    );
}

/** Starts also where earlier labels could not begin anew. */
async function beginEarlierLabels(context: Context, home: Home): Promise<void> {
  // This vault and this identity, wherever the environment points other commands to.
  const own = new Context({ ...context.io, env: { BULLA_HOME: home.folder } }, context.passphrases);
  try {
    for (const begun of await beginLabels(await own.connect())) context.out.talk(`bulla: ${begunLine(begun)}`);
  } catch (error) {
    const code = error instanceof BullaError ? error.code : 'unknown';
    context.out.talk(`bulla: labels of before were not looked at (${code}); try bulla trust renew`);
  }
}

function describeModel({
  BULLA_LLM: model = { kind: 'extract' },
  BULLA_MODELS_FILE: file,
}: StandaloneSettings): string {
  if (file !== undefined) return `the models of ${file}`;
  return model.kind === 'openai'
    ? `the model at ${new URL(model.url).origin}`
    : `builtin:${model.kind} (not a language model)`;
}
