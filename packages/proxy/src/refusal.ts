import type { ProblemCode } from '@bulla/contract';

/** What the proxy itself refuses, before anything is sealed or asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message what happened, why, and what to do; it never holds what the app sent. */
  constructor(code: ProblemCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}
