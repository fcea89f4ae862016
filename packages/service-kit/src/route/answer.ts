/** What a handler answers where the body alone does not say it all; the route's status and no headers by default. */
export interface AnswerOptions {
  readonly status?: number;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In its quotes, as `entityTag` writes it; a GET whose If-None-Match names it is answered 304. */
  readonly etag?: string;
  /** An earlier request had this answer already (`Idempotent-Replayed: ?1`). */
  readonly replayed?: boolean;
  /**
   * The body as it is sent, where its maker has the JSON text already: it is checked, and not written
   * again. Its schema must be strict: what it does not name would leave with the text.
   */
  readonly text?: string;
  /** The body is this object each time and never changes: it is checked and written once. */
  readonly unchanging?: boolean;
}

/** A body in two: what each answer has of its own, and an object that many answers share. */
export interface BodyParts {
  readonly own: object;
  /** Nobody changes it. */
  readonly shared: object;
}

/** A body with status or headers of its own; a bare body is enough elsewhere. */
export class Answer<Body> {
  readonly body: Body;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string | undefined;
  readonly replayed: boolean;
  readonly unchanging: boolean;
  readonly text: string | undefined;
  readonly parts: BodyParts | undefined;

  constructor(body: Body, options: AnswerOptions = {}, parts?: BodyParts) {
    this.body = body;
    this.status = options.status;
    this.headers = options.headers ?? {};
    this.etag = options.etag;
    this.replayed = options.replayed ?? false;
    this.unchanging = options.unchanging ?? false;
    this.text = options.text;
    this.parts = parts;
  }

  /**
   * An answer whose body shares members with others: they are checked and written once for all of them.
   * @param own the members that no other answer has
   * @param shared the same object each time, which nobody changes
   */
  static sharing<const Own extends object, Shared extends object>(
    own: Own,
    shared: Shared,
    options: Omit<AnswerOptions, 'text' | 'unchanging'> = {},
  ): Answer<Own & Shared> {
    return new Answer({ ...own, ...shared }, options, { own, shared });
  }
}
