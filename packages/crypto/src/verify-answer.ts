import type { Finding } from './answer-checks.js';
import {
  checkDocumentSignatures,
  checkEnvelope,
  checkMember,
  checkQuestion,
  checkReply,
  checkSignatures,
  checkTags,
  checkTrust,
  countOf,
} from './answer-checks.js';
import type { Bytes } from './bytes.js';
import { decodeBase64url } from './bytes.js';
import { CryptoError } from './errors.js';
import type { Answer } from './evidence.js';
import { answerText, parseAnswer } from './evidence.js';
import type { InvocationClaims } from './invocation.js';
import type { FinClaims, ReplyUsage } from './reply.js';
import { findRevoked } from './revoked-since.js';
import type { Trust } from './trust.js';

/** One finding. Of the checks that decide, the first that fails is thrown instead. */
export interface Check {
  /** Stable kebab-case name. */
  readonly name: string;
  /** False for `revoked-since` alone: the answer was good when it was made. */
  readonly ok: boolean;
  /** For people: what was found. */
  readonly detail: string;
}

export interface VerifyAnswerOptions {
  /** `sha256:` and 64 hexadecimal digits, known from elsewhere than the answer. */
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
  /** What is trusted today, to see whether a key has been revoked or dropped since. */
  readonly newer?: Trust | undefined;
}

/** What an answer file proves. */
export interface Verdict {
  /** Whether everything holds and no key of it was revoked or dropped since. */
  readonly valid: boolean;
  /**
   * `VALID as of <issued of the directory>`: the organisation's date, no proof of time. `REVOKED SINCE <issued of
   * the newer directory>` where a key no longer counts.
   */
  readonly verdict: string;
  readonly checks: readonly Check[];
  readonly text: string;
  /** Absent for a chat without a stored prompt. */
  readonly prompt: Answer['prompt'];
  readonly responder: string;
  readonly usage: ReplyUsage;
  readonly model: string;
  readonly finish: FinClaims['finish'];
  /** URN of the asker. */
  readonly asker: string;
  /** The question, if the asker shows it. */
  readonly question: InvocationClaims | undefined;
  /** The keys of a `development` root lie on somebody's disk: say so. */
  readonly profile: Trust['profile'];
}

/**
 * Verifies answer.json with nothing but the organisation's pin (protocol.md §3, Evidence; docs/spec/evidence.md). Keys
 * are judged at the time the responder states, which must lie within the life of the directory that it signed.
 * @param file the bytes of the file; a string is taken as its text.
 * @throws {CryptoError} the first failing check, by name: token_malformed, payload_too_large, pin_mismatch,
 *   signature_invalid, key_unknown, key_revoked, responder_key_changed, envelope_tampered, and what else its parts throw
 */
export async function verifyAnswer(file: Bytes | string, { pin, now, newer }: VerifyAnswerOptions): Promise<Verdict> {
  const checks: Check[] = [];
  async function check<Value>(name: string, find: () => Finding<Value> | Promise<Finding<Value>>): Promise<Value> {
    try {
      const { value, detail } = await find();
      checks.push({ name, ok: true, detail });
      return value;
    } catch (error) {
      throw named(error, name);
    }
  }

  const answer = await check('answer-form', () => ({
    value: parseAnswer(file),
    detail: 'exactly as JSON.stringify writes it',
  }));
  const { evidence } = answer;
  const trust = await check('trust', () => checkTrust(evidence, pin, now));
  // guard: answer-documents
  await check('document-signatures', () => checkDocumentSignatures(trust));
  await check('signatures', () => checkSignatures(evidence, trust));
  const envelope = await check('envelope', () => checkEnvelope(evidence, trust));
  const deltas = await check('deltas', () => {
    const value = evidence.deltas.map(decodeBase64url);
    return { value, detail: countOf(value.length) };
  });
  const fin = await check('reply', () => checkReply(evidence, deltas, trust, envelope, now));
  await check('tags', () => checkTags(evidence, fin, trust, envelope));
  const question = await check('question', () => checkQuestion(evidence, fin, trust, envelope));
  const prompt = fin.purpose === 'prompt.reply' ? { name: fin.prm.name, version: fin.prm.ver } : undefined;
  await check('text', () => checkMember(answer.text, answerText(deltas), 'text'));
  await check('usage', () => checkMember(answer.usage, fin.usage, 'usage'));
  await check('prompt', () => checkMember(answer.prompt, prompt, 'prompt'));
  await check('responder', () => checkMember(answer.responder, fin.iss, 'responder'));

  let verdict = `VALID as of ${trust.directory.issued}`;
  if (newer !== undefined) {
    const gone = await check('revoked-since', async () => ({
      value: await findRevoked(evidence, trust, newer),
      detail: 'every key still counts',
    }));
    if (gone.length > 0) {
      verdict = `REVOKED SINCE ${newer.directory.issued}`;
      checks.splice(-1, 1, { name: 'revoked-since', ok: false, detail: gone.join('; ') });
    }
  }
  return {
    valid: checks.every(({ ok }) => ok),
    verdict,
    checks,
    text: answer.text,
    prompt,
    responder: fin.iss,
    usage: fin.usage,
    model: fin.model,
    finish: fin.finish,
    asker: fin.aud,
    question,
    profile: trust.profile,
  };
}

/** The error of a check carries a name: its own, or that of the step. */
function named(error: unknown, check: string): unknown {
  if (!(error instanceof CryptoError) || error.check !== undefined) return error;
  return new CryptoError(error.code, error.message, { check, cause: error });
}
