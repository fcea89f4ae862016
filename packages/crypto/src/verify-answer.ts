import type { Bytes } from './bytes.js';
import type { InvocationClaims } from './invocation.js';
import type { FinClaims, ReplyUsage } from './reply.js';
import type { Trust } from './trust.js';

/** One check that passed; the first that does not is thrown. */
export interface Check {
  /** Stable kebab-case name. */
  readonly name: string;
  readonly ok: true;
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
  /** Whether the tokens hold and no key of them was revoked or dropped since. */
  readonly valid: boolean;
  /** `VALID as of <issued of the directory>` or `REVOKED SINCE <issued of the newer directory>`. */
  readonly verdict: string;
  readonly checks: readonly Check[];
  readonly text: string;
  /** Absent for a chat without a stored prompt. */
  readonly prompt: { readonly name: string; readonly version: number } | undefined;
  readonly responder: string;
  readonly usage: ReplyUsage;
  readonly model: string;
  readonly finish: FinClaims['finish'];
  /** URN of the asker. */
  readonly asker: string;
  /** The question, if the asker shows it. */
  readonly question: InvocationClaims | undefined;
  /** `development` roots live on somebody's disk: say so. */
  readonly profile: string;
}
