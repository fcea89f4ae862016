import type * as z from 'zod';
import type { ProblemCode } from './problem-record.js';
import type { Permission } from '../roles.js';

/** One request that a service answers. Every schema is that of the wire: parsed, it gives what a handler works with. */
export interface RouteShape {
  readonly service: 'vault' | 'responder' | 'both';
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Whole path; parameters stand in braces, as OpenAPI writes them. */
  readonly path: `/${string}`;
  /** One line for people who read the interface. */
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Lower-case names of the headers that mean something here. A missing `if-match` is `precondition_required`. */
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType<object>;
  /** Largest body; `BODY_BYTES_MAX` unless given. */
  readonly bodyBytesMax?: number;
  /** Largest body of a device that the policy lets chat without a stored prompt; `bodyBytesMax` unless given. */
  readonly chatBodyBytesMax?: number;
  readonly status: number;
  /** Other statuses with the same answer (200 beside 201, 503 of health), or with none (304). */
  readonly otherStatuses?: readonly number[];
  /** Body of the answer; absent where there is none (204) and where it is a page for people alone. */
  readonly response?: z.ZodType;
  /** Media type of `response`; `application/json` unless given. */
  readonly contentType?: string;
  /** Whether the answer is a page for people (`text/html`), beside `response` where they ask for that. */
  readonly page?: true;
  /** One event, where the answer may also come as `text/event-stream`. */
  readonly event?: z.ZodType;
  /** Whether the answer carries a signature of its own: not if the body is itself a signed or sealed token, nor for strangers. */
  readonly signedResponse: boolean;
  /**
   * By which documents a caller is judged, other than current ones. `unconfirmed`: no renewer need have called the
   * directory the newest, as where one is about to. `expired`: those past their time too, where newer ones are brought.
   */
  readonly judgedBy?: 'unconfirmed' | 'expired';
  /** Whether the caller may be one whom only the documents in the body let in, once those before have signed them. */
  readonly carriesCaller?: true;
  /** Problems of its own, beside those of every route of its sort; `problemsOf` gives both. */
  readonly problems?: readonly ProblemCode[];
  /** The command that sends it, where `bulla api` cannot. */
  readonly command?: `bulla ${string}`;
}

/**
 * Who may send it: a signed request of somebody with the permission, or anybody, and then why. Anybody may have to show
 * something all the same. `enrolment`: a signature by a key of their own, which the service learns from what is sent.
 * `bootstrap`: a secret that lets one organisation in.
 */
export type RouteAccess =
  | { readonly permission: Permission; readonly public?: undefined; readonly credential?: undefined }
  | { readonly public: string; readonly credential?: 'enrolment' | 'bootstrap'; readonly permission?: undefined };

export type Route = RouteShape & RouteAccess;
