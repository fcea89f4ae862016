import type { DirectoryChange, RootChange, RootRole } from '@bulla/client';
import { nextRoot, propose, readmitOwner, ROOT_ROLES } from '@bulla/client';
import { documentSigner, keysToComeBack, nextKeyName } from '@bulla/client/node';
import type { RootDocument, Trust } from '@bulla/crypto';
import { fingerprint, mintId, ROOT_AHEAD_SECONDS, urnOf } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { adoptPublished } from '../../signing/directory-key.js';
import { documentKeyOf, documentSigners, requireRole } from '../../signing/document-keys.js';
import { writeProposal } from '../../signing/proposals.js';
import { UsageError } from '../../input/usage-error.js';
import { requireVaultClock } from '../../inspection/vault-clock.js';
import { collect } from '../prompt/prompt.js';

interface ProposeOptions {
  readonly replace?: readonly string[];
  readonly threshold?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly ownDevice?: boolean;
  readonly at?: string;
  readonly why?: string;
  readonly out?: string;
}

/** When a root counts that several people must sign first. */
const SEVERAL_SECONDS = 3_600;

/** Where a key may be in other hands, minutes count; a vault takes it for a quarter of an hour after that. */
const SEVERAL_URGENT_SECONDS = 300;

/** `bulla trust root …` */
export function addRootCommands(trust: Command, context: Context): void {
  const root = trust.command('root').description('which keys speak for the organisation, and how many of them must');
  root
    .command('propose')
    .description('write the next root with its policy and directory into a file, for those who must sign it')
    .option(
      '--replace <role>',
      'a new key instead of the one of root, policy or directory; ROLE=FILE takes a public key',
      collect,
    )
    .option('--threshold <role=m-of-n>', 'how many keys of a role must sign, such as root=2-of-3', collect)
    .option('--add <role=file>', 'a further key of a role: the public half of somebody else’s', collect)
    .option('--remove <fingerprint>', 'a key that counts no more; ROLE=FINGERPRINT for one role', collect)
    .option('--own-device', 'let this device in again as an owner, with new keys: where a thief has revoked everybody')
    .option(
      '--at <time>',
      'when it is to count, at most 14 days ahead (default: now; if others must sign in an hour, or in 5 minutes where a key is replaced or removed)',
    )
    .option('--why <text>', 'for those who are asked to sign')
    .option('-o, --out <file>', 'a file that is not there yet (default: in the folder proposals of BULLA_HOME)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Nothing is signed yet, and nothing changes before it is published: those who must sign it run \`bulla trust cosign FILE\`,
and then somebody runs \`bulla trust publish FILE\`. Without an option that changes something it is the same root for a
further life. The key of --replace is made here; it takes the place of the old file once the root counts. So are the keys of
--own-device, which come first in this device's key file at once.

Examples:
  $ bulla trust root propose --replace directory --why "directory.key was stolen"
  $ bulla trust root propose --replace directory --own-device --why "a thief has revoked us all"
  $ bulla trust root propose --add root=bob.pub.pem --add root=carol.pub.pem --threshold root=2-of-3
  $ bulla trust root propose --remove ab12:77f0:… --at 2026-12-09T08:00:00Z`,
    )
    .action((options: ProposeOptions) => proposeRoot(context, options));
}

async function proposeRoot(context: Context, options: ProposeOptions): Promise<void> {
  const { io } = context;
  const { vaultUrl } = await context.profile();
  await requireVaultClock(vaultUrl, io.fetch, () => context.now());
  const bulla = await context.offline();
  const trust = await bulla.catchUpTrust();
  // A key that came with a root published before has its place first: else that key would be the new one again.
  // guard: propose-adopts
  await adoptPublished(context, trust);
  const { urn: by } = await context.identity();
  const change = await changeOf(context, trust.org, trust.root, options);
  const at = await momentOf(context, trust.org, trust.root, change, options.at);
  const root = nextRoot(trust.root, change, at);
  const directory = options.ownDevice === true ? await comingBack(context, trust, by) : undefined;
  const text = await propose(trust, { root, directory, by, why: options.why ?? 'not said' }, context.now());
  await writeProposal(context, text, options.out);
}

/** This device as an owner: a vault takes the root from whom its own directory lets in. */
async function comingBack(context: Context, trust: Trust, urn: string): Promise<DirectoryChange> {
  const keys = await keysToComeBack(context.identityFile, trust, context.now());
  // guard: own-device-out
  if (keys.length === 0 && trust.hasRole(urn, 'owner'))
    throw new UsageError('--own-device: the directory lets this device in as an owner', 'leave the option out');
  return readmitOwner(urn, urnOf(trust.org, 'user', mintId('usr')), keys);
}

async function changeOf(
  context: Context,
  org: string,
  root: RootDocument,
  options: ProposeOptions,
): Promise<RootChange> {
  const added: { role: RootRole; kid: string; key: RootDocument['keys'][string] }[] = [];
  const removed: { role: RootRole; kid: string }[] = [];
  for (const text of options.replace ?? []) {
    const [name = '', file] = text.split('=', 2);
    const role = requireRole(name, '--replace');
    const [old, ...others] = root.roles[role].kids;
    if (old === undefined || others.length > 0)
      throw new UsageError(
        `--replace ${role}: it has ${root.roles[role].kids.length} keys, so say which`,
        `--remove ${role}=FINGERPRINT --add ${role}=FILE`,
      );
    const coming = file === undefined ? await newKey(context, org, role) : await documentKeyOf(context, file);
    // guard: replace-same
    if (coming.kid === old)
      throw new UsageError(`--replace ${role}: the key ${fingerprint(old)} counts already`, 'give another key');
    added.push({ role, ...coming });
    removed.push({ role, kid: old });
  }
  for (const text of options.add ?? []) {
    const [name = '', file] = text.split('=', 2);
    if (file === undefined) throw new UsageError('--add: expected ROLE=FILE, such as root=bob.pub.pem');
    added.push({ role: requireRole(name, '--add'), ...(await documentKeyOf(context, file)) });
  }
  for (const text of options.remove ?? []) removed.push(...removedBy(root, text));
  const thresholds = Object.fromEntries((options.threshold ?? []).map(thresholdOf));
  const change = {
    added,
    removed,
    thresholds: Object.fromEntries(Object.entries(thresholds).map(([role, [m]]) => [role, m])),
  };
  for (const [role, [, n]] of Object.entries(thresholds))
    requireCount(root, change, requireRole(role, '--threshold'), n);
  return change;
}

/** `root=2-of-3` says how many there are, so that nobody is mistaken about it. */
function thresholdOf(text: string): [RootRole, [m: number, n: number]] {
  const [, name = '', m, n] = /^(\w+)=(\d{1,2})-of-(\d{1,2})$/.exec(text) ?? [];
  if (m === undefined || n === undefined)
    throw new UsageError(`--threshold: expected ROLE=M-of-N, such as root=2-of-3, not ${text}`);
  return [requireRole(name, '--threshold'), [Number(m), Number(n)]];
}

function requireCount(root: RootDocument, { added, removed }: RootChange, role: RootRole, wanted: number): void {
  const of = (list: readonly { readonly role: RootRole }[]) => list.filter((one) => one.role === role).length;
  const count = root.roles[role].kids.length + of(added) - of(removed);
  // guard: threshold-count
  if (count !== wanted)
    throw new UsageError(
      `--threshold: the ${role} would have ${count} keys, not ${wanted}`,
      'add or remove keys with it',
    );
}

function removedBy(root: RootDocument, text: string): { role: RootRole; kid: string }[] {
  const [, name, given = ''] = /^(?:(\w+)=)?([0-9a-f:]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const roles = name === undefined ? ROOT_ROLES : [requireRole(name, '--remove')];
  const found = roles.flatMap((role) =>
    root.roles[role].kids.filter((kid) => fingerprint(kid) === given).map((kid) => ({ role, kid })),
  );
  if (found.length > 0) return found;
  const listed = [...new Set(roles.flatMap((role) => root.roles[role].kids))].map((kid) => fingerprint(kid));
  throw new UsageError(`--remove: there is no key ${text}`, `these are: ${listed.join(', ')}`);
}

/** The key that is made here, or was made by a proposal before. */
async function newKey({ home }: Context, org: string, role: RootRole) {
  const { kid, publicJwk, alg } = await documentSigner(home, nextKeyName(`org/${org}`, role));
  return { kid, key: { jwk: publicJwk, alg } };
}

/** Now, where the keys that must sign all lie here; else others need the time to. */
async function momentOf(
  context: Context,
  org: string,
  root: RootDocument,
  change: RootChange,
  given: string | undefined,
): Promise<number> {
  const now = context.now();
  if (given !== undefined) {
    const at = Date.parse(given) / 1000;
    // guard: propose-ahead
    if (!Number.isInteger(at) || at < now - 60 || at > now + ROOT_AHEAD_SECONDS)
      throw new UsageError('--at: expected a moment within the next 14 days, such as 2026-12-09T08:00:00Z');
    return Math.max(at, now);
  }
  const here = new Set((await documentSigners(context, org, [])).map(({ kid }) => kid));
  const then = nextRoot(root, change, now);
  const isHere = ({ kids, threshold }: RootDocument['roles'][RootRole]) =>
    kids.filter((kid) => here.has(kid)).length >= threshold;
  const all = [root.roles.root, ...ROOT_ROLES.map((role) => then.roles[role])];
  if (all.every(isHere)) return now;
  return now + (change.removed.length > 0 ? SEVERAL_URGENT_SECONDS : SEVERAL_SECONDS);
}
