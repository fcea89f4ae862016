import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { BootstrapSecrets } from './bootstrap-secrets.js';

/** Judges who brings an organisation before anything is made of what they bring: up to 6 MiB, of anybody. */
@Injectable()
export class BootstrapGuard implements CanActivate {
  constructor(private readonly secrets: BootstrapSecrets) {}

  /** @throws {Problem} unauthenticated */
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>();
    // guard: bootstrap-first
    this.secrets.require(headers.authorization);
    return true;
  }
}
