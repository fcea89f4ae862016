import type { RouteName } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { Controller } from '@nestjs/common';
import { Route } from '../src/index.js';
import { entriesToHandle } from '../src/route/route-table.js';

/** Every other route answers that there is nothing. */
export function emptyController(service: 'vault' | 'responder', handled: readonly RouteName[]) {
  @Controller()
  class EmptyController {}
  for (const { name } of entriesToHandle(service)) {
    // The kit has rooms of its own for the audit log and the keys.
    if (handled.includes(name) || name.startsWith('audit.') || name === 'key.held') continue;
    const method = () => {
      throw new Problem('not_found');
    };
    Object.defineProperty(EmptyController.prototype, name, { value: method, configurable: true, writable: true });
    const descriptor = Object.getOwnPropertyDescriptor(EmptyController.prototype, name);
    if (descriptor !== undefined) Route(name)(EmptyController.prototype, name, descriptor as never);
  }
  return EmptyController;
}
