/** Why nothing was started, in one line for the person who tried. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** What the process ends with: 78 for bad settings, else 1. */
  readonly exitCode: 1 | 78;

  constructor(message: string, exitCode: 1 | 78) {
    super(message);
    this.exitCode = exitCode;
  }
}
