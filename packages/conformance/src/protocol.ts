/**
 * What the runner and an implementation say to each other: one JSON object a line, a request on the standard input of
 * the implementation and one answer to each on its standard output (packages/conformance/README.md).
 */

/** `seal` makes something, `open` takes a private or content key to it, `verify` needs public keys or none. */
export type Operation = 'seal' | 'open' | 'verify';

export type Fields = Readonly<Record<string, unknown>>;

export interface Request {
  /** The answer repeats it. */
  readonly id: number;
  readonly op: Operation | 'hello';
  /** Absent with `hello`. */
  readonly format?: string;
  readonly input?: Fields;
}

/** How an operation ended. */
export type Outcome =
  | { readonly ok: Fields }
  /** A code of docs/problems.md, and the check of the page in docs/spec where it has a name. */
  | { readonly refused: string; readonly check?: string }
  /** The implementation does not have this format or operation. */
  | { readonly unsupported: true }
  /** Anything that must not happen: a crash, an error without a code, no answer. */
  | { readonly failed: string };

/** An implementation under test. */
export interface Peer {
  ask(op: Request['op'], format?: string, input?: Fields): Promise<Outcome>;
}

/** The answer of an implementation to `hello`. */
export interface Hello {
  readonly name: string;
  readonly seal: readonly string[];
  readonly open: readonly string[];
  readonly verify: readonly string[];
}
