import { fingerprint, keyState, timestampOf } from '@bulla/crypto';
import type { Trust } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../context.js';

/** `bulla version` and `bulla whoami` */
export function addAboutCommands(program: Command, context: Context, version: string): void {
  program
    .command('version')
    .description('print the version of this program')
    .option('--json', 'print it as JSON, with the version of Node')
    .action(({ json }: { json?: boolean }) => {
      const { out } = context;
      const { node } = process.versions;
      if (json === true) out.json({ version, node, platform: process.platform, arch: process.arch });
      else out.line(`bulla ${version} (Node ${node}, ${process.platform} ${process.arch})`);
    });
  program
    .command('whoami')
    .description('who this device is, in which organisation, and what it may do; asks nobody')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Roles, groups and the state of the key are those of the newest directory that this machine has seen; \`bulla doctor\`
asks the vault for a newer one.`,
    )
    .action(({ json }: { json?: boolean }) => whoami(context, json === true));
}

async function whoami(context: Context, asJson: boolean): Promise<void> {
  const { out, home } = context;
  const { org, vaultUrl, pin } = await context.profile();
  const { urn, signer } = await context.identity();
  const known = await (await context.offline()).knownTrust();
  const listed = known === undefined ? undefined : standingOf(known, urn, signer.kid, context.now());
  const directory = known && { version: known.directory.version, issued: known.directory.issued };
  const key = fingerprint(signer.kid);
  if (asJson) {
    const standing = { person: null, roles: [], groups: [], state: 'unlisted', use_until: null, ...listed };
    out.json({
      device: urn,
      ...standing,
      key,
      organisation: org,
      pin,
      vault: vaultUrl,
      home: home.folder,
      directory: directory ?? null,
    });
    return;
  }
  const unlisted = known === undefined ? 'not known: no directory was seen yet' : 'the directory lists it no more';
  out.table([
    ['device', urn],
    ['person', listed?.person ?? unlisted],
    ['roles', listed?.roles.join(', ') ?? unlisted],
    ['groups', listed === undefined ? unlisted : listed.groups.join(', ') || '(none)'],
    ['key', `${key}${listed === undefined ? '' : ` ${listed.state}, signs until ${listed.use_until ?? '?'}`}`],
    ['organisation', `${org}${known === undefined ? '' : ` (${known.profile})`}`],
    ['pin', pin],
    ['vault', vaultUrl],
    ['home', home.folder],
    ['as of', directory === undefined ? 'nothing' : `directory ${directory.version}, issued ${directory.issued}`],
  ]);
}

/** What a directory says of a device; undefined where it does not list it with this key. */
function standingOf(trust: Trust, urn: string, kid: string, now: number) {
  const entity = trust.entity(urn);
  const key = entity?.keys.find((one) => one.kid === kid);
  if (entity?.kind !== 'device' || key === undefined) return undefined;
  return {
    person: entity.user,
    roles: [...entity.roles],
    groups: [...entity.groups],
    state: keyState(key, trust.isRevoked(kid), now),
    use_until: timestampOf(key.use_until),
  };
}
