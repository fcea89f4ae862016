import type { LogName } from '@bulla/crypto/log';
import { originOf } from '@bulla/crypto/log';
import type { AuditLeaf } from '@bulla/contract';
import type { ParsedEnvelope } from '@bulla/crypto';
import { digestB64u, parseAnswer, parseEnvelope, parseFin, utf8 } from '@bulla/crypto';
import type { AuditVerdict } from './audit-verdict.js';
import { isChainGood } from './audit-verdict.js';
import { entriesText, grouped } from './counted-entries.js';
import type { ToldHead } from './told/told-heads.js';
import { toldHead } from './told/told-heads.js';

/** The entries that belong to an answer: permission given, question claimed, answer ended; and what it told of the log. */
export const ANSWER_ENTRIES = ['log-issue', 'log-claim', 'log-finish', 'log-checkpoint'] as const;
export type AnswerEntryName = (typeof ANSWER_ENTRIES)[number];

/** One of them, and whether it is in its log. */
export interface AnswerEntry {
  readonly name: AnswerEntryName;
  readonly state: 'passed' | 'failed';
  /** For people. */
  readonly detail: string;
  /** Where it stands, if it does. */
  readonly place?: EntryPlace | undefined;
}

export interface EntryPlace {
  readonly origin: string;
  readonly index: number;
}

/** Whether exactly this opening and this answer are in the logs. */
export interface AnswerInLogs {
  readonly valid: boolean;
  readonly entries: readonly AnswerEntry[];
}

interface Sought {
  readonly name: AnswerEntryName;
  /** In whose log. */
  readonly urn: string;
  readonly what: string;
  /** Whether an entry is about this permission or this question. */
  readonly isAbout: (leaf: AuditLeaf) => boolean;
  /** And says exactly what the answer says. */
  readonly isThis: (leaf: AuditLeaf) => boolean;
  found: (EntryPlace & { readonly at: string }) | undefined;
  /** About it, and another. */
  other: EntryPlace | undefined;
}

/** Looks for what belongs to one answer while logs are verified, entry by entry. */
export class AnswerSearch {
  readonly #sought: readonly Sought[];
  /** The signed note that the answer carries, if it carries one. */
  readonly told: string | undefined;

  private constructor(sought: readonly Sought[], told: string | undefined) {
    this.#sought = sought;
    this.told = told;
  }

  /**
   * @param file an answer file that was verified: nothing of it is verified here.
   * @throws {CryptoError} token_malformed
   */
  static async of(file: Uint8Array<ArrayBuffer>): Promise<AnswerSearch> {
    const { evidence } = parseAnswer(file);
    const { claims: fin } = parseFin(evidence.fin);
    const envelope = parseEnvelope(evidence.envelope);
    return new AnswerSearch(
      soughtOf(envelope, { invocation: fin.irt.jti, hash: await digestB64u(utf8(evidence.fin)) }),
      fin.checkpoint,
    );
  }

  see(name: LogName, index: number, leaf: AuditLeaf): void {
    for (const sought of this.#sought) {
      if (sought.urn !== name.urn || !sought.isAbout(leaf)) continue;
      const place = { origin: originOf(name), index };
      // guard: audit-answer-exact
      if (!sought.isThis(leaf)) sought.other ??= place;
      else sought.found ??= { ...place, at: leaf.t };
    }
  }

  /** What was seen, as far as the logs are good. */
  found({ logs }: AuditVerdict): AnswerInLogs {
    const told = this.told === undefined ? [] : [toldOf(toldHead(this.told), logs)];
    const entries = [...this.#sought.map((sought) => entryOf(sought, logs)), ...told];
    return { valid: entries.every(({ state }) => state === 'passed'), entries };
  }
}

function soughtOf(
  { kind, claims }: ParsedEnvelope,
  fin: { readonly invocation: string; readonly hash: string },
): readonly Sought[] {
  const prompt = claims.purpose === 'prompt.invoke' ? claims.prm : undefined;
  const whash = claims.purpose === 'prompt.invoke' ? claims.whash : undefined;
  const open = { found: undefined, other: undefined };
  const isAskers = (leaf: AuditLeaf) => 'kid' in who(leaf) && who(leaf).kid === claims.cnf.jkt;
  const isOfPrompt = ({ obj }: AuditLeaf) => is(obj, 'prompt', prompt?.id) && is(obj, 'version', prompt?.ver);
  const isOk = (leaf: AuditLeaf, act: AuditLeaf['act']) => leaf.act === act && leaf.res === 'ok';
  const question = kind === 'chat' ? 'a chat' : `${prompt?.name ?? ''}@${prompt?.ver ?? ''}`;
  return [
    {
      ...open,
      name: 'log-issue',
      urn: claims.iss,
      what: `the permission ${claims.jti} for ${question}`,
      isAbout: (leaf) => isOk(leaf, 'envelope.issue') && is(leaf.obj, 'envelope', claims.jti),
      isThis: (leaf) =>
        isAskers(leaf) && isOfPrompt(leaf) && is(leaf.obj, 'whash', whash) && is(leaf.obj, 'responder', claims.aud),
    },
    {
      ...open,
      name: 'log-claim',
      urn: claims.aud,
      what: `the question ${fin.invocation}`,
      isAbout: (leaf) =>
        isOk(leaf, 'invocation.run') && is(leaf.obj, 'invocation', fin.invocation) && is(leaf.obj, 'replayed', false),
      isThis: (leaf) => isAskers(leaf) && isOfPrompt(leaf) && is(leaf.obj, 'envelope', claims.jti),
    },
    {
      ...open,
      name: 'log-finish',
      urn: claims.aud,
      what: 'this very answer',
      isAbout: (leaf) => leaf.act === 'invocation.finish' && is(leaf.obj, 'invocation', fin.invocation),
      isThis: (leaf) => isAskers(leaf) && is(leaf.obj, 'fin', fin.hash),
    },
  ];
}

function entryOf({ name, urn, what, found, other }: Sought, logs: AuditVerdict['logs']): AnswerEntry {
  const own = logs.filter((log) => log.urn === urn);
  const failed = (detail: string): AnswerEntry => ({ name, state: 'failed', detail });
  if (own.length === 0) return failed(`there is no log of ${urn} to look into`);
  // guard: audit-answer-log
  if (!own.every((log) => isChainGood(log))) return failed(`the log of ${urn} is not good`);
  if (found !== undefined) {
    const { origin, index, at } = found;
    const misfit = own.find((log) => log.origin === origin)?.misfits.find((one) => one.index === index);
    // guard: audit-answer-misfit
    if (misfit !== undefined)
      return { ...failed(`${placeText(found)} is about it: ${misfit.message}`), place: { origin, index } };
    return {
      name,
      state: 'passed',
      detail: `${what} is ${placeText(found)}, of ${at}`,
      place: { origin, index },
    };
  }
  const gone = own.reduce((sum, { prunedEntries }) => sum + prunedEntries, 0);
  const kept = gone === 0 ? '' : `, of which ${entriesText(gone)} are no longer kept`;
  if (other === undefined) {
    // Each service signs what is in its log in its own time: who exports too soon sees it here.
    const newest = own
      .flatMap(({ newestAt }) => newestAt ?? [])
      .toSorted()
      .at(-1);
    const end = newest === undefined ? '' : `, whose newest entry here is of ${newest}`;
    return failed(`${what} is not in the log of ${urn}${end}${kept}`);
  }
  return {
    ...failed(`${placeText(other)} is about it, and says something else`),
    place: other,
  };
}

/** Whether what the answer told of the log is true of the log at hand. */
function toldOf({ origin, size }: ToldHead, logs: AuditVerdict['logs']): AnswerEntry {
  const name = 'log-checkpoint';
  const failed = (detail: string): AnswerEntry => ({ name, state: 'failed', detail });
  const log = logs.find((one) => one.origin === origin);
  if (log === undefined) return failed(`there is no ${origin} to look into, and the answer tells of it`);
  // guard: audit-answer-told
  if (!isChainGood(log))
    return failed(log.failure?.check === 'told-heads' ? log.failure.message : `${origin} is not good`);
  const here = log.head?.size ?? 0;
  // guard: audit-answer-older
  if (here < size)
    return failed(
      `${origin} has ${entriesText(here)} here and had ${entriesText(size)} before this answer: it is from before, or lost some`,
    );
  return { name, state: 'passed', detail: `${origin} begins with the ${entriesText(size)} that the answer tells of` };
}

function placeText({ origin, index }: EntryPlace): string {
  return `entry ${grouped(index)} of ${origin}`;
}

function who(leaf: AuditLeaf): { readonly kid?: string } {
  return 'who' in leaf && 'kid' in leaf.who ? leaf.who : {};
}

function is(facts: object, name: string, value: unknown): boolean {
  return (facts as Readonly<Record<string, unknown>>)[name] === value;
}
