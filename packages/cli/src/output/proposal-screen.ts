import type { KeyRecord, DirectoryDocument, DirectoryEntity, JudgedProposal, SignatureDemand } from '@bulla/crypto';
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

/** What differs in each new document anyway: which it is, what it stands on, and when. */
const HEAD = ['version', 'root_version', 'prev', 'chain', 'policy', 'issued', 'expires'];
const LISTS = ['entities', 'revoked', 'kept', 'withdrawn'] as const;

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
  const rest = otherLines(base.root, root, [...HEAD, 'keys', 'roles']);
  const told = [...lines, ...lifeLine(base.root, root), ...rest];
  const all = told.length > 0 ? told : otherLines(base.root, root, HEAD);
  return all.length > 0 ? all : ['  the same keys, for a further life'];
}

function policyLines({ base, after }: JudgedProposal): string[] {
  const lines = [...lifeLine(base.policy, after.policy), ...otherLines(base.policy, after.policy, HEAD)];
  return lines.length > 0 ? lines : ['  says what it said'];
}

function directoryLines(before: DirectoryDocument, after: DirectoryDocument, self: Beholder | string): string[] {
  const name = (urn: string) => shortName(urn, self);
  const ofLists = {
    entities: entitiesLines(before, after, name),
    revoked: revokedLines(before, after, name),
    kept: keptLines(before, after),
    withdrawn: withdrawnLines(before, after),
  };
  const lines = [...lifeLine(before, after), ...otherLines(before, after, [...HEAD, ...LISTS])];
  for (const list of LISTS) {
    const told = ofLists[list];
    const isOtherwise = told.length === 0 && text(before[list]) !== text(after[list]);
    lines.push(...(isOtherwise ? [`  ${list}: the same, written down in another way`] : told));
  }
  return lines.length > 0 ? lines : ['  says what it said, under the documents above'];
}

function entitiesLines(before: DirectoryDocument, after: DirectoryDocument, name: (urn: string) => string): string[] {
  const lines: string[] = [];
  for (const [urn, entity] of Object.entries(after.entities)) {
    const old = Object.hasOwn(before.entities, urn) ? before.entities[urn] : undefined;
    if (old === undefined) lines.push(`  ${name(urn)} comes: ${entityInWords(entity)}`, ...keyLines(entity, undefined));
    else lines.push(...entityLines(name(urn), old, entity));
  }
  for (const urn of Object.keys(before.entities))
    if (!Object.hasOwn(after.entities, urn)) lines.push(`  ${name(urn)} goes`);
  return lines;
}

function revokedLines(before: DirectoryDocument, after: DirectoryDocument, name: (urn: string) => string): string[] {
  const lines: string[] = [];
  const old = new Map(before.revoked.map((one) => [one.kid, one]));
  for (const one of after.revoked) {
    const what = `key ${fingerprint(one.kid)} of ${name(holderOf(after, one.kid) ?? holderOf(before, one.kid) ?? 'nobody')}`;
    const known = old.get(one.kid);
    if (known === undefined) lines.push(`  ${what} is revoked (${one.reason}) as of ${timestampOf(one.at)}`);
    else lines.push(...differences(known, one).map((line) => `  revocation of ${what}: ${line}`));
  }
  const [were, are] = [before, after].map(({ revoked }) => revoked.map(({ kid }) => kid));
  return [...lines, ...goneLines('revocation of', were ?? [], are ?? [])];
}

function keptLines({ kept: before }: DirectoryDocument, { kept: after }: DirectoryDocument): string[] {
  const known = new Set(before);
  const added = after.filter((one) => !known.has(one));
  const told = `  ${counted(added.length, 'content')} of revoked keys stay trusted: ${added.join(', ')}`;
  return [...(added.length > 0 ? [told] : []), ...goneLines('trusted content', before, after)];
}

function withdrawnLines({ withdrawn: before }: DirectoryDocument, { withdrawn: after }: DirectoryDocument): string[] {
  const old = new Map(before.map(({ sub, below }) => [sub, below]));
  const lines: string[] = [];
  for (const { sub, below } of after) {
    const was = old.get(sub);
    const instead = was === undefined ? '' : `, instead of those below ${was}`;
    if (was !== below) lines.push(`  versions of ${sub} below ${below} are withdrawn${instead}`);
  }
  const [were, are] = [before, after].map((list) => list.map(({ sub }) => sub));
  return [...lines, ...goneLines('withdrawal of versions of', were ?? [], are ?? [])];
}

function entityLines(name: string, before: DirectoryEntity, after: DirectoryEntity): string[] {
  const lines = differences(before, after, ['keys']).map((line) => `  ${name}: ${line}`);
  const keys = keyLines(after, before).map((line) => line.replace(/^ +/, `  ${name}: `));
  if (keys.length === 0 && text(before.keys) !== text(after.keys))
    keys.push(`  ${name}: keys: the same, written down in another way`);
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
    const what = `key ${fingerprint(key.kid)}`;
    const times = `from ${timestampOf(key.nbf)} until ${timestampOf(key.use_until)}, good until ${timestampOf(key.end)}`;
    if (known === undefined) lines.push(`    ${what} ${servesFor(key)} comes (${key.suite}, ${key.alg}), ${times}`);
    else lines.push(...differences(known, key).map((line) => `    ${what}: ${line}`));
  }
  const kids = new Set(after.keys.map(({ kid }) => kid));
  for (const key of before?.keys ?? [])
    if (!kids.has(key.kid)) lines.push(`    key ${fingerprint(key.kid)} ${servesFor(key)} goes`);
  return lines;
}

/** What a key is for; of one for checkpoints also which audit log it signs, since a number is never taken back. */
function servesFor({ pur, log }: KeyRecord): string {
  return `for ${pur.join(' ')}${log === undefined ? '' : ` of audit log ${log}`}`;
}

function goneLines(what: string, before: readonly string[], after: readonly string[]): string[] {
  const left = new Set(after);
  return before.filter((one) => !left.has(one)).map((one) => `  the ${what} ${one} goes`);
}

function holderOf({ entities }: DirectoryDocument, kid: string): string | undefined {
  return Object.entries(entities).find(([, { keys }]) => keys.some((key) => key.kid === kid))?.[0];
}

interface Lasting {
  readonly issued: string;
  readonly expires: string;
}

function lifeLine(before: Lasting, after: Lasting): string[] {
  const daysOf = ({ issued, expires }: Lasting) => Math.round((secondsOf(expires) - secondsOf(issued)) / 86_400);
  return daysOf(before) === daysOf(after) ? [] : [`  lives ${daysOf(after)} days instead of ${daysOf(before)}`];
}

/** Members that differ, as they were and as they would be; indented. */
function otherLines(before: object, after: object, known: readonly string[]): string[] {
  return differences(before, after, known).map((line) => `  ${line}`);
}

/** What members of keys and revocations are in words; others are told by their names. */
const MEMBERS: Readonly<Record<string, string>> = {
  pur: 'for',
  nbf: 'counts from',
  use_until: 'counts until',
  end: 'good until',
  at: 'as of',
};
const MOMENTS = new Set(['nbf', 'use_until', 'end', 'at']);

/** The same, not indented. */
function differences(before: object, after: object, known: readonly string[] = []): string[] {
  const [was, is] = [new Map<string, unknown>(Object.entries(before)), new Map<string, unknown>(Object.entries(after))];
  const told = (member: string, value: unknown) =>
    MOMENTS.has(member) && typeof value === 'number' ? timestampOf(value) : text(value);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((member) => !known.includes(member) && text(was.get(member)) !== text(is.get(member)))
    .map(
      (member) => `${MEMBERS[member] ?? member}: ${told(member, was.get(member))} → ${told(member, is.get(member))}`,
    );
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
