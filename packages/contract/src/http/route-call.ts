import type * as z from 'zod';
import type { ROUTES } from '../routes.js';

export type RouteName = keyof typeof ROUTES;

/** Routes that take signed requests only. */
export type SignedRouteName = {
  [Name in RouteName]: (typeof ROUTES)[Name] extends { readonly permission: string } ? Name : never;
}[RouteName];

/** Routes that a new device signs by a key which no directory lists yet. */
export type EnrolmentRouteName = {
  [Name in RouteName]: (typeof ROUTES)[Name] extends { readonly credential: 'enrolment' } ? Name : never;
}[RouteName];

/** The schema of one part of a route; never where the route has no such part. */
type Part<Name extends RouteName, Key extends 'params' | 'query' | 'body' | 'response'> =
  (typeof ROUTES)[Name] extends Record<Key, infer Schema extends z.ZodType> ? Schema : never;

type Shape<Schema> = [Schema] extends [never] ? undefined : Schema extends z.ZodType ? z.input<Schema> : never;
/** Everything in a path or a query is written as text, so numbers may be given as numbers. */
type Text<Schema> = [Schema] extends [never]
  ? undefined
  : { readonly [Key in keyof Shape<Schema>]: string | number | undefined };

/** What fills the braces of a route's path. */
export type RouteParams<Name extends RouteName> = Text<Part<Name, 'params'>>;
/** What may stand in its query. */
export type RouteQuery<Name extends RouteName> = Text<Part<Name, 'query'>>;
/** The body that a client sends; undefined where there is none. */
export type RouteBody<Name extends RouteName> = Shape<Part<Name, 'body'>>;
/** The body of the answer, as a service makes it and a client reads it; undefined where there is none. */
export type RouteResponse<Name extends RouteName> = Shape<Part<Name, 'response'>>;
