/** Exit codes of commands, by name; the command says which number each is. */
export type ExitName =
  | 'error'
  | 'usage'
  | 'conflict'
  | 'auth'
  | 'forbidden'
  | 'notFound'
  | 'limit'
  | 'network'
  | 'notReady'
  | 'verification';

/** Classes of errors of the SDK that the status of a problem does not tell. */
export type ErrorKind = 'trust' | 'upstream';

/** What is known of a problem, in one place: a service, the SDK, the command and the docs go by it. */
export interface ProblemEntry {
  /** HTTP status of a problem document with this code. */
  readonly status: number;
  /** One sentence for people who meet it the first time. */
  readonly title: string;
  /** Whether trying again later may succeed although nothing was changed. */
  readonly retryable: boolean;
  /** What a command that met it ends with. */
  readonly exit: ExitName;
  /** Which error of the SDK it is, where its status does not say it. */
  readonly kind?: ErrorKind;
  /** Whether somebody changed something, where a check of the client's own found it: a VerifyError, and `verification`. */
  readonly ownFinding?: boolean;
}
