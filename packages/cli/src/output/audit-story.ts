import type { ListedEntry } from '@bulla/client';
import type { AuditFacts, AuditLeaf } from '@bulla/contract';
import type { AuditBeholder } from './audit-words.js';
import { actorShown, factsShown, holdersShown, momentShown, serviceShown } from './audit-words.js';
import type { Part } from './output.js';
import { counted, styled } from './output.js';

/** Entries as lines that tell what happened, oldest first. */
export function storyOf(id: string, entries: readonly ListedEntry[], beholder: AuditBeholder): Part[][] {
  const places = entries.map(({ service, index }) => `${serviceShown(service)} #${index}`);
  const wide = Math.max(...places.map((place) => place.length));
  return [
    [styled(id, 'strong')],
    ...entries.map((entry, at): Part[] => [
      styled(`${momentShown(entry.at)}  ${(places[at] ?? '').padEnd(wide)}  `, 'faint'),
      ...told(entry, beholder),
    ]),
    ...closing(entries),
  ];
}

function told({ entry }: ListedEntry, beholder: AuditBeholder): Part[] {
  if (entry === undefined) return ['an entry of a newer version of Bulla'];
  const who = actorShown(entry, beholder);
  if ('why' in entry) return [`${who}: ${entry.act} `, styled(`refused: ${entry.why}`, 'bad'), ` ${factsShown(entry)}`];
  return [sentence(entry, who), ...readers(entry, beholder)];
}

function sentence(entry: AuditLeaf, who: string): string {
  if (entry.res !== 'ok') return factsShown(entry);
  switch (entry.act) {
    case 'prompt.create':
      return `${who} made the prompt ${entry.obj.prompt}`;
    case 'prompt.delete':
      return `${who} deleted the prompt ${entry.obj.prompt}`;
    case 'label.move':
      return `${who} ${moved(entry.obj)}`;
    case 'version.create':
      return `${who} stored version ${entry.obj.version} of ${entry.obj.prompt}, sealed to ${counted(entry.obj.grants, 'key')}`;
    case 'version.entrust':
      return `${who} had the vault sign and seal version ${entry.obj.version} of ${entry.obj.prompt}, to ${counted(entry.obj.grants, 'key')}`;
    case 'grant.make':
      return `${who} opened version ${entry.obj.version} of ${entry.obj.prompt} and sealed it to a further key`;
    case 'wrap.delete':
      return `${who}: the vault forgot how to read ${counted(entry.obj.items, 'version')}`;
    case 'grant.add':
      return `${who} sealed versions of ${entry.obj.prompt} to ${counted(entry.obj.added, 'key')} more`;
    case 'grant.move':
      return `${who} gave ${counted(entry.obj.added, 'grant')} to further keys of their own`;
    case 'grant.delete':
      return `${who} took a grant of ${entry.obj.prompt} away`;
    case 'version.get':
      return `${who} was given version ${entry.obj.version} of ${entry.obj.prompt}${entry.obj.granted ? ', sealed to them' : ', which they cannot open'}`;
    case 'envelope.issue':
      return `${who} was allowed to ${leaveShown(entry.obj)} on ${serviceShown(entry.obj.responder)}, ${counted(entry.obj.uses, 'time')}: ${entry.obj.envelope}`;
    case 'invocation.run':
      return entry.obj.replayed
        ? `${who} asked the same again, and got the same answer: ${entry.obj.invocation}`
        : `${who} asked ${entry.obj.invocation} by ${entry.obj.envelope}; the responder ${entry.obj.prompt === undefined ? 'ran the chat' : 'opened the prompt'}`;
    case 'invocation.finish':
      return `answered ${entry.obj.invocation} to ${who}: ${entry.obj.finish}, ${counted(entry.obj.frames, 'piece')}, receipt ${entry.obj.fin}`;
    default:
      return `${who}: ${entry.act} ${factsShown(entry)}`;
  }
}

/** What an envelope is for. */
function leaveShown({
  prompt,
  version,
  models = 0,
}: {
  prompt?: string | undefined;
  version?: number | undefined;
  models?: number | undefined;
}): string {
  return prompt === undefined
    ? `ask ${counted(models, 'model')} without a stored prompt`
    : `run version ${version} of ${prompt}`;
}

/** Who can read from then on what was sealed. */
function readers(entry: AuditLeaf, beholder: AuditBeholder): Part[] {
  if (entry.res !== 'ok') return [];
  const isSealed = entry.act === 'version.create' || entry.act === 'version.entrust';
  if (!isSealed && entry.act !== 'grant.add' && entry.act !== 'grant.move' && entry.act !== 'grant.make') return [];
  const to = entry.act === 'grant.make' ? [entry.obj.kid] : (entry.obj.to ?? []);
  if (to.length === 0) return [];
  const kids = to.map((one) => (typeof one === 'string' ? one : one.kid));
  return [`: ${holdersShown(kids, beholder)}`];
}

/** A move that happened at once, or a signature under one that waits, or waited, for further people. */
function moved({ prompt, label, version, approval, given = 0 }: AuditFacts<'label.move'>): string {
  const to = version === 0 ? 'nothing' : `version ${version}`;
  if (approval === undefined) return `moved ${label} of ${prompt} to ${to}`;
  return `signed that ${label} of ${prompt} moves to ${to} (${approval}, ${counted(given, 'signature')})`;
}

/** What somebody who holds an answer does next. */
function closing(entries: readonly ListedEntry[]): Part[][] {
  if (!entries.some(({ entry }) => entry?.act === 'invocation.finish' && entry.res === 'ok')) return [];
  return [
    [
      styled(
        'the receipt is the hash of the signed end of the answer; `bulla verify answer.json --audit FOLDER` finds it',
        'faint',
      ),
    ],
  ];
}
