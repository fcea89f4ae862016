/** The command was called in a way it cannot be; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What to do instead. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Something has to be started first; exit code 9. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
  /** How. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** There is no such thing; exit code 6. */
export class NotThereError extends Error {
  override readonly name = 'NotThereError';
  /** Where to look. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
