import type { OwnOrganisation } from '@bulla/client/node';
import { DEVELOPMENT_ORG, Home, prepareProduction } from '@bulla/client/node';
import type { SuiteId } from '@bulla/crypto';
import { ALL_SUITES } from '@bulla/crypto';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from '../context.js';
import { DevelopmentHome, withHome } from '../home/development-home.js';
import { styled } from '../output/output.js';
import { hasMemory } from '../home/renewer-home.js';
import { requireHttpUrl } from '../input/settings.js';
import type { Addresses } from '../home/standalone-package.js';
import { loadStandalone } from '../home/standalone-package.js';
import { UsageError } from '../input/usage-error.js';

interface InitOptions {
  readonly production?: boolean;
  readonly org?: string;
  readonly vaultUrl?: string;
  readonly responderUrl?: string;
  readonly suite?: SuiteId;
  readonly owners?: string;
  readonly threshold?: string;
}

/** Of services and devices: they are sealed to. */
const SUITES = ALL_SUITES.filter(({ seal }) => seal !== undefined).map(({ id }) => id);
/** The name of an organisation, as its URNs hold it. */
const ORG = /^[a-z0-9][a-z0-9-]{0,62}$/;

const INIT_HELP = `
What is there already stays as it is; an interrupted first run is finished, and what is due is signed anew.

With --production it makes an organisation that services in production take: documents and keys with the lives of the
protocol, its services wherever the two URLs say, and a renewer, which says what is the newest. All its keys lie in BULLA_HOME at first. Move org/NAME/root.key
and policy.key to a place without a network once it runs: they are needed once a year.

With --owners 3 there are root.key, root.2.key, root.3.key, and as many of the policy. Give each owner the two of a number,
and take them out of BULLA_HOME: then --threshold of them sign what changes root or policy (bulla trust cosign).

Examples:
  $ BULLA_HOME=/tmp/try bulla init
  $ bulla init --production --org acme --vault-url https://vault.example --responder-url https://responder.example
  $ bulla init --production --owners 3 --threshold 2 --org acme --vault-url https://vault.example --responder-url https://responder.example`;

/** `bulla init` */
export function addInitCommand(program: Command, context: Context): void {
  program
    .command('init')
    .description('make an organisation and its keys without starting anything')
    .option('--production', 'of profile production; else it is the development organisation of `bulla up`')
    .option('--org <name>', 'what it is called (production only)')
    .option('--vault-url <url>', 'where clients find the vault')
    .option('--responder-url <url>', 'where clients find the responder; the directory says it under its signature')
    .addOption(new Option('--suite <suite>', 'of the keys that are made (production only)').choices(SUITES))
    .option('--owners <number>', 'how many people get a key of root and policy each (production only; default: 1)')
    .option('--threshold <number>', 'how many of them must sign root and policy (default: more than half)')
    .option('--json', 'print what was made as JSON')
    .addHelpText('after', INIT_HELP)
    .action((options: InitOptions) =>
      (options.production === true ? initProduction : initDevelopment)(context, options),
    );
}

async function initDevelopment(context: Context, options: InitOptions): Promise<void> {
  const { io, out } = context;
  const { org, suite, owners, threshold } = options;
  if ([org, suite, owners, threshold].some((option) => option !== undefined))
    throw new UsageError(
      '--org, --suite, --owners and --threshold are for --production',
      'the development organisation is called dev',
    );
  const standalone = await loadStandalone(io);
  const settings = standalone.readStandaloneSettings(io.env);
  const home = context.homeAt(settings.BULLA_HOME);
  const urls = urlsOf(options);
  await withHome(home, async () => {
    // Nothing is started: what listens on the ports meanwhile may be another folder's services.
    const found = await standalone.plannedUrls(settings);
    const addresses = {
      vaultUrl: urls.vaultUrl ?? found.vaultUrl,
      responderUrl: urls.responderUrl ?? found.responderUrl,
    };
    sayMade(context, home, await new DevelopmentHome(home, io).prepare(addresses));
  });
  out.talk('next: bulla up');
}

async function initProduction(context: Context, options: InitOptions): Promise<void> {
  const { out, home } = context;
  const { org, suite } = options;
  if (org === undefined) throw new UsageError('--production needs --org', 'such as --org acme');
  if (!ORG.test(org)) throw new UsageError('--org: expected at most 63 lower-case letters, digits and hyphens');
  if (org === DEVELOPMENT_ORG) throw new UsageError(`--org: ${org} is the name of development organisations`);
  const owners = ownersOf(options);
  await withHome(home, async () => {
    const made = await prepareProduction(home, { org, suite, owners, ...urlsOf(options), now: context.now() });
    sayMade(context, home, made);
    if (await hasMemory(home))
      out.talk(`note: what is the newest, its renewer says: BULLA_HOME=${home.folder} bulla trust renew --every 1h`);
    if ((await home.read(`org/${org}/root.key`)) === undefined) return;
    out.talk(`note: ${home.path(`org/${org}`)}/root.key and policy.key decide whom everybody trusts.`);
    out.talk('note: keep them offline from now on; a person who has them is the organisation.');
    if (owners !== undefined)
      out.talk(
        `note: root.2.key and policy.2.key are those of the second owner, and so on: hand them over, and remove them here.`,
      );
  });
}

const OWNERS_MAX = 16;

function ownersOf({
  owners,
  threshold,
}: InitOptions): { readonly count: number; readonly threshold: number } | undefined {
  if (owners === undefined) {
    if (threshold !== undefined) throw new UsageError('--threshold needs --owners', 'such as --owners 3 --threshold 2');
    return undefined;
  }
  const count = Number(owners);
  const needed = threshold === undefined ? Math.floor(count / 2) + 1 : Number(threshold);
  const areNumbers = [owners, threshold ?? '1'].every((text) => /^\d{1,2}$/.test(text));
  // guard: init-owners
  if (!areNumbers || count < 1 || count > OWNERS_MAX || needed < 1 || needed > count)
    throw new UsageError(`--owners, --threshold: expected 1 to ${OWNERS_MAX} owners, and no more that must sign`);
  return { count, threshold: needed };
}

function urlsOf({ vaultUrl, responderUrl }: InitOptions): { [Name in keyof Addresses]: string | undefined } {
  return {
    vaultUrl: requireHttpUrl('--vault-url', vaultUrl),
    responderUrl: requireHttpUrl('--responder-url', responderUrl),
  };
}

function sayMade(
  context: Context,
  home: Home,
  { changes, stale, org, pin }: Pick<OwnOrganisation, 'changes' | 'stale' | 'org' | 'pin'>,
): void {
  const { out } = context;
  for (const line of stale) out.must(`note: ${line}`);
  for (const change of changes) out.talk(styled('✔', 'good'), ` ${change}`);
  if (changes.length === 0) out.talk(styled('✔', 'good'), ' everything was there: nothing changed');
  const document = { organisation: org, pin, home: home.folder, changes, stale };
  context.result(document, `organisation ${org}  ${pin}  in ${home.folder}`);
}
