import type { DirectoryDocument, DirectoryEntity, JudgedProposal, SignatureDemand } from '@bulla/crypto';
import { fingerprint, secondsOf, timestampOf } from '@bulla/crypto';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { counted } from './output.js';

/** What a proposal changes, in words. Whatever no line tells of its own is told as it was and as it would be. */

export function proposalLines(judged: JudgedProposal, self: Beholder | string): string[] {
  const { proposal, base } = judged;
  const { root, policy, directory } = proposal.next;
  return [
    `organisation ${base.org} (${base.profile}), begun by ${proposal.by} at ${proposal.at}`,
    `why: ${proposal.why}`,
    `a vault takes it from ${timestampOf(judged.from)} until ${timestampOf(judged.until)}`,
    ...(root === undefined ? [] : [`root version ${root.payload.version}`, ...rootLines(judged)]),
    ...(policy === undefined ? [] : [`policy version ${policy.payload.version}`, ...policyLines(judged)]),
    `directory version ${directory.payload.version}`,
    ...directoryLines(base.directory, directory.payload, self),
  ];
}

/** Who has signed, and how many are missing. */
export function demandLines(demands: readonly SignatureDemand[]): string[] {
  return demands.map(({ kind, version, under, threshold, kids, signed }) => {
    const missing = kids.filter((kid) => !signed.includes(kid)).map((kid) => fingerprint(kid));
    const left = Math.max(0, threshold - signed.length);
    const who = left === 0 ? 'enough' : `${left} missing, of ${missing.join(', ')}`;
    return `${kind} version ${version} by the keys of root ${under}: ${signed.length} of ${threshold} signed, ${who}`;
  });
}

function rootLines({ base, root }: JudgedProposal): string[] {
  const lines: string[] = [];
  for (const role of ['root', 'policy', 'directory'] as const) {
    const [before, after] = [base.root.roles[role], root.roles[role]];
    for (const kid of after.kids.filter((one) => !before.kids.includes(one)))
      lines.push(`  ${role}: key ${fingerprint(kid)} comes`);
    for (const kid of before.kids.filter((one) => !after.kids.includes(one)))
      lines.push(`  ${role}: key ${fingerprint(kid)} goes, and what it signs counts no more`);
    const how = `${after.threshold} of ${after.kids.length} keys must sign`;
    const was = `${before.threshold} of ${before.kids.length}`;
    if (how !== `${was} keys must sign`) lines.push(`  ${role}: ${how}, instead of ${was}`);
  }
  const known = ['_type', 'spec', 'org', 'version', 'issued', 'expires', 'keys', 'roles'];
  const rest = otherLines(base.root, root, known);
  const life = lifeLine(base.root, root);
  const all = [...lines, ...life, ...rest];
  return all.length > 0 ? all : ['  the same keys, for a further life'];
}

function policyLines({ base, after }: JudgedProposal): string[] {
  const known = ['_type', 'spec', 'org', 'version', 'root_version', 'prev', 'issued', 'expires'];
  const lines = [...lifeLine(base.policy, after.policy), ...otherLines(base.policy, after.policy, known)];
  return lines.length > 0 ? lines : ['  says what it said'];
}

function directoryLines(before: DirectoryDocument, after: DirectoryDocument, self: Beholder | string): string[] {
  const lines = lifeLine(before, after);
  const name = (urn: string) => shortName(urn, self);
  for (const [urn, entity] of Object.entries(after.entities)) {
    const old = Object.hasOwn(before.entities, urn) ? before.entities[urn] : undefined;
    if (old === undefined) lines.push(`  ${name(urn)} comes: ${entityInWords(entity)}`, ...keyLines(entity, undefined));
    else lines.push(...entityLines(name(urn), old, entity));
  }
  for (const urn of Object.keys(before.entities))
    if (!Object.hasOwn(after.entities, urn)) lines.push(`  ${name(urn)} goes`);
  const revoked = new Set(before.revoked.map(({ kid }) => kid));
  for (const { kid, reason } of after.revoked)
    if (!revoked.has(kid))
      lines.push(`  key ${fingerprint(kid)} of ${name(holderOf(after, kid))} is revoked (${reason})`);
  const kept = new Set(before.kept);
  const added = after.kept.filter((one) => !kept.has(one));
  if (added.length > 0)
    lines.push(`  ${counted(added.length, 'content')} of revoked keys stay trusted: ${added.join(', ')}`);
  lines.push(
    ...goneLines(
      'revocation of',
      before.revoked.map(({ kid }) => kid),
      after.revoked.map(({ kid }) => kid),
    ),
  );
  lines.push(...goneLines('trusted content', before.kept, after.kept));
  const withdrawn = new Map(before.withdrawn.map(({ sub, below }) => [sub, below]));
  for (const { sub, below } of after.withdrawn)
    if (withdrawn.get(sub) !== below) lines.push(`  versions of ${sub} below ${below} are withdrawn`);
  return lines.length > 0 ? lines : ['  says what it said, under the documents above'];
}

function entityLines(name: string, before: DirectoryEntity, after: DirectoryEntity): string[] {
  const lines = otherLines(before, after, ['keys']).map((line) => `  ${name}:${line.replace(/^ +/, ' ')}`);
  const keys = keyLines(after, before).map((line) => line.replace(/^ +/, `  ${name}: `));
  return [...lines, ...keys];
}

function entityInWords(entity: DirectoryEntity): string {
  const { keys: _keys, ...rest } = entity;
  return Object.entries(rest)
    .map(([member, value]) => `${member} ${JSON.stringify(value)}`)
    .join(', ');
}

function keyLines(after: DirectoryEntity, before: DirectoryEntity | undefined): string[] {
  const old = new Map(before?.keys.map((key) => [key.kid, key]));
  const lines: string[] = [];
  for (const key of after.keys) {
    const known = old.get(key.kid);
    const what = `key ${fingerprint(key.kid)} for ${key.pur.join(' ')}`;
    const times = `from ${timestampOf(key.nbf)} until ${timestampOf(key.use_until)}, good until ${timestampOf(key.end)}`;
    if (known === undefined) lines.push(`    ${what} comes (${key.suite}), ${times}`);
    else if (JSON.stringify(known) !== JSON.stringify(key)) lines.push(`    ${what} counts ${times}`);
  }
  const kids = new Set(after.keys.map(({ kid }) => kid));
  for (const { kid, pur } of before?.keys ?? [])
    if (!kids.has(kid)) lines.push(`    key ${fingerprint(kid)} for ${pur.join(' ')} goes`);
  return lines;
}

function goneLines(what: string, before: readonly string[], after: readonly string[]): string[] {
  const left = new Set(after);
  return before.filter((one) => !left.has(one)).map((one) => `  the ${what} ${one} goes`);
}

function holderOf({ entities }: DirectoryDocument, kid: string): string {
  return Object.entries(entities).find(([, { keys }]) => keys.some((key) => key.kid === kid))?.[0] ?? 'nobody';
}

interface Lasting {
  readonly issued: string;
  readonly expires: string;
}

function lifeLine(before: Lasting, after: Lasting): string[] {
  const daysOf = ({ issued, expires }: Lasting) => Math.round((secondsOf(expires) - secondsOf(issued)) / 86_400);
  return daysOf(before) === daysOf(after) ? [] : [`  lives ${daysOf(after)} days instead of ${daysOf(before)}`];
}

/** Members that differ, as they were and as they would be. */
function otherLines(before: object, after: object, known: readonly string[]): string[] {
  const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((member) => !known.includes(member) && text(was.get(member)) !== text(is.get(member)))
    .map((member) => `  ${member}: ${text(was.get(member))} → ${text(is.get(member))}`);
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
