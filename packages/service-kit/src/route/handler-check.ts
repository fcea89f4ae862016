import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';
import { findEntry } from './route.js';
import { entriesToHandle } from './route-table.js';
import type { ServiceName } from './route-table.js';

/**
 * Checks that handlers and routes of the contract match one to one, so that no handler is without schema and
 * permission and no promise of the contract is empty.
 * @throws {Error} naming all that is amiss
 */
export function checkHandlers(app: INestApplication, service: ServiceName): void {
  const faults: string[] = [];
  const expected = new Set<string>(entriesToHandle(service).map(({ name }) => name));
  const found = new Set<string>();
  for (const { place, handler } of handlersOf(app)) {
    const entry = findEntry(handler);
    if (entry === undefined) faults.push(`${place} has no @Route`);
    else if (found.has(entry.name)) faults.push(`${place}: ${entry.name} has a handler already`);
    else if (!expected.has(entry.name)) faults.push(`${place}: ${entry.name} is no route of the ${service}`);
    if (entry !== undefined) found.add(entry.name);
  }
  for (const name of expected) if (!found.has(name)) faults.push(`the route ${name} has no handler`);
  if (faults.length > 0) throw new Error(`the ${service} does not fit its contract: ${faults.join('; ')}`);
}

/** Everything the framework would route requests to. */
function* handlersOf(app: INestApplication): Generator<{ place: string; handler: object }> {
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, unknown>;
      for (const name of Object.getOwnPropertyNames(prototype)) {
        const handler = prototype[name];
        if (typeof handler !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, handler)) continue;
        yield { place: `${metatype.name}.${name}`, handler };
      }
    }
  }
}
