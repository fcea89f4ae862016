import { createHash, timingSafeEqual } from 'node:crypto';
import { Problem } from '@bulla/contract';

const SCHEME = 'Bootstrap ';

/** The secrets that each let one organisation in, as SHA-256: the vault was started with them. */
export class BootstrapSecrets {
  private readonly hashes: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    this.hashes = secrets.map(sha256);
  }

  /**
   * The SHA-256, in hexadecimal, of the secret in an Authorization header.
   * @throws {Problem} unauthenticated
   */
  require(authorization: string | undefined): string {
    const given = sha256(authorization?.startsWith(SCHEME) === true ? authorization.slice(SCHEME.length) : '');
    // Every hash is compared, so that the time does not tell how many there are.
    const isKnown = this.hashes.map((hash) => timingSafeEqual(hash, given)).includes(true);
    // guard: vault-bootstrap
    if (authorization === undefined || !isKnown)
      throw new Problem('unauthenticated', { detail: 'the bootstrap secret is missing or wrong' });
    return given.toString('hex');
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
