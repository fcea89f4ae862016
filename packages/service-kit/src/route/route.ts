import type { RouteName, RouteResponse, ROUTES } from '@bulla/contract';
import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type * as z from 'zod';
import type { Answer } from './answer.js';
import { stateOf } from '../edge/request-state.js';
import type { RouteInput } from '../edge/request-state.js';
import { entryOf, routerPath } from './route-table.js';
import type { RouteEntry } from './route-table.js';

const ROUTE_NAME = 'bulla:route';
const METHODS = {
  GET: RequestMethod.GET,
  POST: RequestMethod.POST,
  PUT: RequestMethod.PUT,
  DELETE: RequestMethod.DELETE,
} as const;

type Part<Name extends RouteName, Key extends 'params' | 'query' | 'headers' | 'body'> =
  (typeof ROUTES)[Name] extends Record<Key, infer Schema extends z.ZodType> ? z.output<Schema> : undefined;

/** What a handler gets from its route's schemas: `@RouteBody() body: BodyOf<'prompt.create'>` and so on. */
export type ParamsOf<Name extends RouteName> = Part<Name, 'params'>;
export type QueryOf<Name extends RouteName> = Part<Name, 'query'>;
export type HeadersOf<Name extends RouteName> = Part<Name, 'headers'>;
export type BodyOf<Name extends RouteName> = Part<Name, 'body'>;

/** What a handler may return: the body, a body with status or headers of its own, or a stream. */
export type Handled<Name extends RouteName> = RouteResponse<Name> | Answer<RouteResponse<Name>> | Response;

type Handler<Name extends RouteName> = (...args: never[]) => Handled<Name> | Promise<Handled<Name>>;

/**
 * Binds a handler to its route in the contract: method, path, status, schemas, permission and OpenAPI all come from
 * there. The application does not start while a handler lacks it or a route lacks a handler.
 */
export function Route<Name extends RouteName>(name: Name) {
  const entry = entryOf(name);
  const decorate = applyDecorators(
    SetMetadata(ROUTE_NAME, name),
    RequestMapping({ method: METHODS[entry.method], path: routerPath(entry.path) }),
    HttpCode(entry.status),
  );
  return <Method extends Handler<Name>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => decorate(target, key, descriptor);
}

/** The route a handler is bound to, if it is. */
export function findEntry(handler: object): RouteEntry | undefined {
  const name = Reflect.getMetadata(ROUTE_NAME, handler) as RouteName | undefined;
  return name === undefined ? undefined : entryOf(name);
}

/** The route of a handler of a running application: each has one. */
export function entryOfHandler(handler: object): RouteEntry {
  const entry = findEntry(handler);
  if (entry === undefined) throw new Error('the handler has no route');
  return entry;
}

const part = (name: keyof RouteInput) =>
  createParamDecorator((_data: unknown, context: ExecutionContext): unknown => {
    const { input } = stateOf(context.switchToHttp().getRequest());
    return input?.[name];
  });

/** What stands in the braces of the path, as {@link ParamsOf} its route. */
export const RouteParams = part('params');
/** The query, as {@link QueryOf} its route. */
export const RouteQuery = part('query');
/** The headers that the route names, as {@link HeadersOf} it. */
export const RouteHeaders = part('headers');
/** The body, as {@link BodyOf} its route. It is handed over: the request keeps it no longer than its handler does. */
export const RouteBody = createParamDecorator((_data: unknown, context: ExecutionContext): unknown => {
  const { input } = stateOf(context.switchToHttp().getRequest());
  if (input === undefined) throw new Error('nobody has read the request');
  const { body } = input;
  input.body = undefined;
  return body;
});
/** The number in If-Match: the state that a change is based on. */
export const BasedOn = createParamDecorator((_data: unknown, context: ExecutionContext): number => {
  const headers = stateOf(context.switchToHttp().getRequest()).input?.headers as { 'if-match'?: unknown } | undefined;
  const number = headers?.['if-match'];
  if (typeof number !== 'number') throw new Error('this route has no If-Match');
  return number;
});
