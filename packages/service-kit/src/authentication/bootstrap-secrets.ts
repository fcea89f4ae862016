import { createHash, timingSafeEqual } from 'node:crypto';
import { Problem } from '@bulla/contract';
import type { FastifyRequest } from 'fastify';
import { stateOf } from '../edge/request-state.js';
import type { Founder } from './caller.js';
import type { Credential } from './credential.js';

const SCHEME = 'Bootstrap ';

/** The secrets that each let one organisation in, as SHA-256: the service was started with them. */
export class BootstrapSecrets implements Credential {
  readonly #hashes: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    this.#hashes = secrets.map(sha256);
  }

  /**
   * Judges who brings an organisation before anything is made of what they bring: up to 6 MiB, of anybody.
   * @throws {Problem} unauthenticated
   */
  async judge(request: FastifyRequest): Promise<void> {
    const { org } = request.params as { org: string };
    const founder: Founder = {
      org,
      kind: 'bootstrap',
      request: { id: request.id },
      evidence: { type: 'secret', sha256: this.#require(request.headers.authorization) },
    };
    stateOf(request).founder = Object.freeze(founder);
  }

  /** The hexadecimal SHA-256 of the secret in an Authorization header. */
  #require(authorization: string | undefined): string {
    const given = sha256(authorization?.startsWith(SCHEME) === true ? authorization.slice(SCHEME.length) : '');
    // Every hash is compared, so that the time does not tell how many there are.
    const isKnown = this.#hashes.map((hash) => timingSafeEqual(hash, given)).includes(true);
    // guard: vault-bootstrap
    if (authorization === undefined || !isKnown)
      throw new Problem('unauthenticated', { detail: 'the bootstrap secret is missing or wrong' });
    return given.toString('hex');
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
