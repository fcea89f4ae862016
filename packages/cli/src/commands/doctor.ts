import type { Bulla, Identity } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Profile } from '@bulla/client/node';
import { FileTrustStore, DEVELOPMENT_ORG, HomeError, PassphraseError, VAULT_KEYS } from '@bulla/client/node';
import { may } from '@bulla/contract';
import { fingerprint } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { EXIT } from '../output/exit-code.js';
import { inspectAudit, inspectMarks, UNSEEN } from '../inspection/audit-inspection.js';
import { inspectDocumentKeys } from '../inspection/document-keys-inspection.js';
import { inspectCertificate } from '../inspection/certificate-inspection.js';
import { inspectFreshness, inspectOwnRenewer, inspectWords } from '../inspection/freshness-inspection.js';
import { inspectFitness, inspectGrants } from '../inspection/grants-inspection.js';
import { inspectHeldKeys } from '../inspection/held-keys-inspection.js';
import { caFileOf } from '../input/authorities.js';
import { hintOf } from '../output/hints.js';
import type { Finding } from '../inspection/inspection.js';
import { inspectLogKeys, inspectMarkFolders } from '../inspection/log-keys-inspection.js';
import { inspectModes } from '../inspection/home-inspection.js';
import {
  inspectIdentity,
  inspectForks,
  inspectLabels,
  inspectNode,
  inspectPort,
  inspectReaders,
  inspectService,
  inspectTrust,
} from '../inspection/inspection.js';
import { styled } from '../output/output.js';
import { inspectRedis } from '../inspection/redis-inspection.js';
import type { StandalonePackage, StandaloneSettings } from '../home/standalone-package.js';
import { loadStandalone } from '../home/standalone-package.js';
import { inspectDatabase, inspectModels } from '../inspection/store-inspection.js';
import { inspectTokens } from '../inspection/token-inspection.js';
import { reasonOf } from '../output/system-errors.js';
import { UsageError } from '../input/usage-error.js';

/** `bulla doctor` and `bulla status` */
export function addInspectionCommands(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('check this installation and say how to mend what is wrong')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nEnds with 0 if everything is well, else with 1.\n\nExample:\n  $ bulla doctor')
    .action(async (options: { json?: boolean }) => {
      const findings = await inspect(context);
      if (options.json === true) context.out.json(findings);
      else showFindings(context, findings);
      if (findings.some(({ ok }) => !ok)) context.exitCode = EXIT.error;
    });
  program
    .command('status')
    .description('one screen: what runs, who this device is, whom it trusts')
    .option('--json', 'print it as JSON: what was found in `data`, and in words in `detail`')
    .addHelpText(
      'after',
      '\nIt states, and does not judge: that is what `bulla doctor` does.\n\nExample:\n  $ bulla status',
    )
    .action(async (options: { json?: boolean }) => {
      const findings = await inspect(context);
      if (options.json === true)
        context.out.json(findings.map(({ name, ok, detail, data }) => ({ name, ok, detail, data })));
      else context.out.table(findings.map(({ name, detail }) => [name, detail]));
    });
}

function showFindings({ out }: Context, findings: readonly Finding[]): void {
  for (const finding of findings) {
    out.check(finding);
    if (!finding.ok && finding.fix !== undefined) out.line('    ', styled('mend it:', 'strong'), ` ${finding.fix}`);
  }
  const bad = findings.filter(({ ok }) => !ok).length;
  out.talk(bad === 0 ? 'everything is well' : `${bad} of ${findings.length} things need attention`);
}

/** Everything that can be looked at from here, in the order in which one thing needs another. */
async function inspect(context: Context): Promise<Finding[]> {
  const findings = [inspectNode(process.versions.node), await inspectModes(context.home.folder)];
  const services = await findServices(context, findings);
  const profile = await attempt(findings, 'profile', () => context.findProfile());
  if (profile === undefined) {
    if (!findings.some(({ name }) => name === 'profile'))
      findings.push({
        name: 'profile',
        ok: false,
        detail: 'there is no home folder yet',
        fix: (await context.waitsToComeIn())
          ? 'this device has asked to come in: run `bulla device enrol` again when it was approved'
          : 'run `bulla up` once, or set BULLA_HOME to the folder that it used',
      });
    return [...findings, ...(await inspectPorts(services)), ...(await inspectStores(context, services))];
  }
  // What runs elsewhere has its ports, its database and its model there.
  const own = (await servesHere(context, profile)) ? services : undefined;
  findings.push(...(own === undefined ? [] : await inspectTokens(context.io, context.home)));
  const vault = await inspectService('vault', profile.vaultUrl, context.io.fetch, Date.now, own !== undefined);
  findings.push(...vault, ...(await certificateOf(context, 'vault', profile.vaultUrl)));
  const isUp = vault[0]?.ok === true;
  const renewer = (await context.hasIdentity()) ? undefined : await inspectOwnRenewer(context.home, context.now());
  if (renewer !== undefined) return [...findings, renewer];
  const identity = await attempt(findings, 'identity', () => context.identity());
  const bulla = identity === undefined ? undefined : await attempt(findings, 'trust', () => context.offline());
  if (bulla !== undefined && identity !== undefined && isUp) {
    await inspectWithVault(context, bulla, findings, { ...identity, servesHere: own !== undefined });
  } else if (identity !== undefined) {
    findings.push(
      { name: 'identity', ok: true, detail: `${identity.urn}, key ${fingerprint(identity.signer.kid)}` },
      { name: 'pin', ok: true, detail: profile.pin },
    );
  }
  if (!isUp && vault.length === 1) findings.push(...(await inspectPorts(own)));
  return [...findings, ...(await inspectStores(context, own))];
}

async function inspectWithVault(
  context: Context,
  bulla: Bulla,
  findings: Finding[],
  { urn, signer, servesHere: isOwn }: Pick<Identity, 'urn' | 'signer'> & { readonly servesHere: boolean },
): Promise<void> {
  const now = context.now();
  const trust = await attempt(findings, 'pin', () => inspectTrust(bulla, now));
  if (trust === undefined) return;
  findings.push(...trust, ...(await inspectFreshness(bulla, now)));
  const known = await bulla.trust();
  const state = await new FileTrustStore(context.home).load(known.org, known.pin);
  const keys = await attempt(findings, 'document keys', () => inspectDocumentKeys(known, context.home, state, now));
  findings.push(...(keys ?? []));
  const identity = await attempt(findings, 'identity', async () => {
    await bulla.requireOwnKey();
    return inspectIdentity(bulla, urn, signer.kid, now);
  });
  if (identity !== undefined) {
    findings.push(identity);
    const words = await attempt(findings, 'renewer', () => inspectWords(bulla));
    findings.push(...(words ?? []));
    const labels = await attempt(findings, 'labels', () => inspectLabels(bulla));
    if (labels !== undefined) findings.push(...labels);
    findings.push(...(await inspectForks(bulla)));
    // Who holds grants is shown to these alone.
    if (may(known.entity(urn)?.roles ?? [], 'grant.read')) {
      const readers = await attempt(findings, 'readers', async () => inspectReaders(bulla, await context.beholder()));
      if (readers !== undefined) findings.push(readers);
      const grants = await attempt(findings, 'grants', async () => inspectGrants(bulla, await context.beholder()));
      if (grants !== undefined) findings.push(grants);
      const fitness = await attempt(findings, 'grants', async () => inspectFitness(bulla, await context.beholder()));
      findings.push(...(fitness ?? []));
    }
    if (may(known.entity(urn)?.roles ?? [], 'key.read')) {
      const held = await attempt(findings, 'keys of services', () => inspectHeldKeys(bulla));
      findings.push(...(held ?? []));
    }
    const mayAudit = may(known.entity(urn)?.roles ?? [], 'audit.read');
    const logs = mayAudit ? await attempt(findings, 'audit log', () => inspectAudit(bulla, now)) : [UNSEEN];
    findings.push(...(logs ?? []), ...inspectLogKeys(known, now));
    if (isOwn) findings.push(...(await inspectMarks(context.home)), ...(await inspectMarkFolders(context.home)));
  }
  for (const responder of known.entitiesOf('responder')) {
    const entity = known.entity(responder);
    if (entity?.kind === 'responder')
      findings.push(
        ...(await inspectService('responder', entity.url, context.io.fetch, Date.now, isOwn)),
        ...(await certificateOf(context, 'responder', entity.url)),
      );
  }
}

/** What there is to say of the certificate of a service, if it has one. */
async function certificateOf({ io }: Context, name: string, url: string): Promise<Finding[]> {
  const finding = await inspectCertificate(name, url, { nowMs: Date.now(), caFile: caFileOf(io) });
  return finding === undefined ? [] : [finding];
}

/** What `bulla up` would start here, and how. */
interface Services {
  readonly standalone: StandalonePackage;
  readonly settings: StandaloneSettings;
}

/** Whether `bulla up` serves from this folder. Keys of services alone do not say so: an organisation of profile production keeps them, too. */
async function servesHere({ home }: Context, profile: Profile): Promise<boolean> {
  return profile.org === DEVELOPMENT_ORG && (await home.read(VAULT_KEYS)) !== undefined;
}

/** The settings of `bulla up` in this environment; undefined where the services are not installed. */
async function findServices({ io }: Context, findings: Finding[]): Promise<Services | undefined> {
  try {
    const standalone = await loadStandalone(io);
    const settings = standalone.readStandaloneSettings(io.env);
    findings.push({ name: 'settings', ok: true, detail: 'every BULLA_ variable is known and good' });
    return { standalone, settings };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    const { lines } = error as { lines?: readonly string[] };
    for (const line of lines ?? ['the settings cannot be read'])
      findings.push({ name: 'settings', ok: false, detail: line, fix: 'mend or unset it; bulla up --help lists all' });
    return undefined;
  }
}

async function inspectPorts(services: Services | undefined): Promise<Finding[]> {
  if (services === undefined) return [];
  const { settings } = services;
  const ports: [string, string, number][] = [
    ['vault port', 'BULLA_VAULT_PORT', settings.BULLA_VAULT_PORT],
    ['responder port', 'BULLA_RESPONDER_PORT', settings.BULLA_RESPONDER_PORT],
    ['metrics port', 'BULLA_METRICS_PORT', settings.BULLA_METRICS_PORT],
    ['metrics port', 'BULLA_METRICS_PORT', settings.BULLA_METRICS_PORT + 1],
  ];
  return Promise.all(ports.filter(([, , port]) => port > 1).map((port) => inspectPort(...port)));
}

async function inspectStores({ home, io }: Context, services: Services | undefined): Promise<Finding[]> {
  if (services === undefined) return [];
  const { standalone, settings } = services;
  const findings: Finding[] = [];
  const database = await attempt(findings, 'database', () => inspectDatabase(standalone, settings, home));
  if (database !== undefined) findings.push(database);
  if (settings.BULLA_REDIS_URL !== undefined) findings.push(await inspectRedis(settings.BULLA_REDIS_URL));
  findings.push(...(await inspectModels(standalone, settings, io.env)));
  return findings;
}

/** A thing that fails to be looked at is a finding too. */
async function attempt<Value>(
  findings: Finding[],
  name: string,
  look: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await look();
  } catch (error) {
    findings.push({ name, ok: false, ...explained(error) });
    return undefined;
  }
}

function explained(error: unknown): { readonly detail: string; readonly fix?: string } {
  if (error instanceof BullaError)
    return { detail: error.message, fix: hintOf(error, {}) ?? `see ${error.code} in docs/problems.md` };
  // These say themselves what mends it.
  if (error instanceof HomeError || error instanceof PassphraseError) return { detail: error.message };
  if (error instanceof UsageError)
    return { detail: error.message, ...(error.hint !== undefined && { fix: error.hint }) };
  const { code, path } = Object(error) as { code?: unknown; path?: unknown };
  if (typeof code === 'string' && typeof path === 'string')
    return { detail: `cannot use ${path}: ${reasonOf(error)}`, fix: 'mend the folder, or set BULLA_HOME to another' };
  return { detail: 'it cannot be used', fix: 'please report it with what you did' };
}
