import type { ProblemEntry } from './problem-entry.js';
import type { ProblemCode } from './problem-record.js';
import { PROBLEMS } from './problem-record.js';

/** Codes that only a client gives itself, beside those of {@link PROBLEMS}; no service answers with them. */
export const CLIENT_PROBLEMS = {
  token_malformed: {
    retryable: false,
    exit: 'verification',
    ownFinding: true,
    title: 'Something that should be a signed or sealed token is not well-formed.',
  },
  pin_mismatch: {
    retryable: false,
    exit: 'verification',
    kind: 'trust',
    title: 'The root of the organisation is not the one that was pinned.',
  },
  suite_unknown: {
    retryable: false,
    exit: 'error',
    ownFinding: true,
    title: 'A key belongs to a suite that this program does not know.',
  },
  key_invalid: {
    retryable: false,
    exit: 'error',
    ownFinding: true,
    title: 'A key record contradicts itself.',
  },
  log_inconsistent: {
    retryable: false,
    exit: 'verification',
    title: 'A log does not hold what it should, or was changed after it was seen.',
  },
  head_missing: {
    retryable: false,
    exit: 'verification',
    title: 'A reply says nothing of the log of its responder.',
  },
  transport_failed: {
    retryable: true,
    exit: 'network',
    title: 'No answer came back that could be trusted.',
  },
  pii_policy_failed: {
    // No service says it: what answers requests of apps on this machine does.
    status: 422,
    retryable: false,
    exit: 'forbidden',
    title: 'The setting for personal data does not let this be sent.',
  },
} as const satisfies Record<string, Omit<ProblemEntry, 'status'> & { readonly status?: number }>;

export type ClientProblemCode = keyof typeof CLIENT_PROBLEMS;

/** What is known of every code, whether services answer with it or a client alone gives it itself. */
export const ALL_PROBLEMS: Readonly<
  Record<ProblemCode | ClientProblemCode, Omit<ProblemEntry, 'status'> & { readonly status?: number }>
> = {
  ...PROBLEMS,
  ...CLIENT_PROBLEMS,
};
