import type { AnswerTrust } from './answer-checks.js';
import {
  checkCheckpoint,
  checkDocumentSignatures,
  checkEnvelope,
  checkMember,
  checkReply,
  checkSignatures,
  checkTrust,
  missingHead,
} from './answer-checks.js';
import type { Finding } from './answer-finding.js';
import { countOf, momentOf } from './answer-finding.js';
import { checkNewest, checkTags } from './answer-position.js';
import { checkAskerThen, checkPolicy, checkQuestion, checkVersion } from './answer-rights.js';
import type { Bytes } from '../encoding/bytes.js';
import { decodeBase64url } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { Answer } from './evidence.js';
import { answerText, parseAnswer } from './evidence.js';
import type { InvocationClaims } from '../run/question.js';
import type { FinClaims, ReplyUsage } from '../run/reply.js';
import { parseFin } from '../run/reply.js';
import { findRevoked } from './revoked-since.js';
import { tellsHeads } from '../run/reply-checkpoint.js';
import { requireSeconds } from '../names/seconds.js';
import type { Trust } from '../organisation/trust.js';

/** The checks of an answer, in their order; docs/spec/evidence.md has a row for each. */
export const ANSWER_CHECKS = [
  'answer-form',
  'trust',
  'document-signatures',
  'signatures',
  'envelope',
  'deltas',
  'reply',
  'checkpoint',
  'policy',
  'asker',
  'version',
  'tags',
  'newest',
  'question',
  'text',
  'usage',
  'prompt',
  'responder',
  'revoked-since',
] as const;
export type AnswerCheck = (typeof ANSWER_CHECKS)[number];

/** One check and what it found. */
export interface Check {
  readonly name: AnswerCheck;
  /** `not_looked_for` where nothing at hand could show it; it decides nothing then. */
  readonly state: 'passed' | 'failed' | 'not_looked_for';
  /** For people: what was found, or why it failed. */
  readonly detail: string;
  /** With what the file was compared; absent where that failed before it was known. */
  readonly against?: string;
  /** RFC 3339: the moment for which it was judged; absent where it does not matter. */
  readonly at?: string;
}

export interface VerifyAnswerOptions {
  /** `sha256:` and 64 hexadecimal digits, known from elsewhere than the answer. */
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
  /** What is trusted today, to see whether a key has been revoked or dropped since. */
  readonly newer?: Trust | undefined;
}

/** What a good answer says. */
export interface ProvedAnswer {
  readonly text: string;
  /** Absent for a chat without a stored prompt. */
  readonly prompt: Answer['prompt'];
  readonly responder: string;
  /** `kid` of the key that signed the reply. */
  readonly responderKey: string;
  readonly usage: ReplyUsage;
  readonly model: string;
  readonly finish: FinClaims['finish'];
  /** The checkpoint of the responder's log that the answer carries: a signed note. Absent where it carries none. */
  readonly checkpoint: FinClaims['checkpoint'];
  /** RFC 3339: when the responder signed it, by its own clock. */
  readonly answeredAt: string;
  /** URN of the asker. */
  readonly asker: string;
  /** The question, if the asker shows it. */
  readonly question: InvocationClaims | undefined;
  /** Of the roots under which its documents count. The keys of a `development` root lie on somebody's disk: say so. */
  readonly profile: Trust['profile'];
}

/** What an answer file proves. */
export interface Verdict {
  /** Whether everything holds and no key of it was revoked or dropped since, as far as was looked. */
  readonly valid: boolean;
  /**
   * `VALID as of <issued of the directory>`: the organisation's date, no proof of time. `REVOKED SINCE <issued of the
   * newer document>` where a key no longer counts. `REFUSED` where a check failed.
   */
  readonly verdict: string;
  /** Up to the one that failed, if one did; its reason is in `failure`. */
  readonly checks: readonly Check[];
  /** Why it is not valid, whatever became of its keys since: with the code and the exact name of the check. */
  readonly failure?: CryptoError;
  /** What was good when it was made; absent where `failure` is there. */
  readonly answer?: ProvedAnswer;
}

/**
 * Verifies answer.json with nothing but the organisation's pin (protocol.md §3, Evidence; docs/spec/evidence.md). Keys
 * are judged at the time the responder states, which must lie within the life of the directory that it signed.
 * @param file the bytes of the file; a string is taken as its text.
 * @returns all checks up to the first that failed, never an exception for what the file holds
 */
export async function verifyAnswer(file: Bytes | string, options: VerifyAnswerOptions): Promise<Verdict> {
  requireSeconds(options.now);
  const checks = new Checks();
  try {
    return await prove(checks, file, options);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const failure = checks.fail(error);
    return { valid: false, verdict: 'REFUSED', checks: checks.done, failure };
  }
}

async function prove(checks: Checks, file: Bytes | string, { pin, now, newer }: VerifyAnswerOptions): Promise<Verdict> {
  const answer = await checks.run('answer-form', () => ({
    value: parseAnswer(file),
    detail: 'exactly as JSON.stringify writes it',
    against: 'the format',
  }));
  const { evidence } = answer;
  const { trust, profile }: AnswerTrust = await checks.run('trust', () => checkTrust(evidence, pin, now));
  // guard: answer-documents
  await checks.run('document-signatures', () => checkDocumentSignatures(trust));
  await checks.run('signatures', () => checkSignatures(evidence, trust));
  const envelope = await checks.run('envelope', () => checkEnvelope(evidence, trust));
  const deltas = await checks.run('deltas', () => {
    const value = evidence.deltas.map(decodeBase64url);
    return { value, detail: countOf(value.length), against: 'the format' };
  });
  const fin = await checks.run('reply', () => checkReply(evidence, deltas, trust, envelope, now));
  const { checkpoint } = fin;
  // guard: answer-checkpoint
  if (checkpoint !== undefined) await checks.run('checkpoint', () => checkCheckpoint(checkpoint, fin, trust));
  const isMissing = checkpoint === undefined && tellsHeads(fin.iss, trust);
  // guard: answer-head-missing
  if (isMissing) await checks.run('checkpoint', () => missingHead(fin, trust));
  await checks.run('policy', () => checkPolicy(envelope, trust));
  await checks.run('asker', () => checkAskerThen(envelope, trust));
  await checks.run('version', () => checkVersion(fin, envelope, trust));
  const position = await checks.run('tags', () => checkTags(evidence, fin, trust, envelope));
  await checks.run('newest', () => checkNewest(position, evidence, trust, envelope));
  const question = await checks.run('question', () => checkQuestion(evidence, fin, trust, envelope));
  const prompt = fin.purpose === 'prompt.reply' ? { name: fin.prm.name, version: fin.prm.ver } : undefined;
  await checks.run('text', () => checkMember(answer.text, answerText(deltas), 'text'));
  await checks.run('usage', () => checkMember(answer.usage, fin.usage, 'usage'));
  await checks.run('prompt', () => checkMember(answer.prompt, prompt, 'prompt'));
  await checks.run('responder', () => checkMember(answer.responder, fin.iss, 'responder'));
  const { gone, since } = await checks.run('revoked-since', () => findRevoked(evidence, trust, newer));
  const valid = gone.length === 0;
  if (!valid) checks.failLast();
  const { text } = answer;
  const { iss: responder, usage, model, finish, aud: asker } = fin;
  const answeredAt = momentOf(fin.iat);
  const responderKey = parseFin(evidence.fin).header.kid;
  return {
    valid,
    verdict: valid ? `VALID as of ${trust.directory.issued}` : `REVOKED SINCE ${since}`,
    checks: checks.done,
    answer: {
      text,
      prompt,
      responder,
      responderKey,
      usage,
      model,
      finish,
      checkpoint,
      answeredAt,
      asker,
      question,
      profile,
    },
  };
}

/** What has been checked, and what is being checked. */
class Checks {
  readonly done: Check[] = [];
  #running: AnswerCheck = 'answer-form';

  async run<Value>(name: AnswerCheck, find: () => Finding<Value> | Promise<Finding<Value>>): Promise<Value> {
    this.#running = name;
    const { value, detail, against, at, isNotLookedFor = false } = await find();
    const state = isNotLookedFor ? 'not_looked_for' : 'passed';
    this.done.push({ name, state, detail, against, ...(at !== undefined && { at: momentOf(at) }) });
    return value;
  }

  /** Notes why the running check failed; its error carries a name: its own, or that of the check. */
  fail(error: CryptoError): CryptoError {
    this.done.push({ name: this.#running, state: 'failed', detail: error.message });
    if (error.check !== undefined) return error;
    return new CryptoError(error.code, error.message, { check: this.#running, cause: error });
  }

  /** What the last check found is that the answer no longer counts. */
  failLast(): void {
    const last = this.done.pop();
    if (last !== undefined) this.done.push({ ...last, state: 'failed' });
  }
}
