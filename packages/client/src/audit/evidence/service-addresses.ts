import type { Trust } from '@bulla/crypto';

/**
 * Where the services are, by the directories at hand. A service answers to other names, too, which no directory lists:
 * such a name says nothing of who was asked.
 */
export class ServiceAddresses {
  readonly #own = new Set<string>();
  readonly #others = new Set<string>();

  /** @param urn of the service whose log it is. */
  constructor(trusts: readonly Trust[], urn: string) {
    for (const trust of trusts)
      for (const one of [...trust.entitiesOf('vault'), ...trust.entitiesOf('responder')]) {
        const entity = trust.entity(one);
        if (entity === undefined || !('url' in entity) || entity.url === undefined) continue;
        const { host, pathname } = new URL(entity.url);
        (one === urn ? this.#own : this.#others).add(addressOf(host, pathname));
      }
  }

  /**
   * Whether a request went to another service than this one. One that no directory gives an address may be anywhere.
   * @param authority as it was signed
   * @param path of the address of the service, before that of the route
   */
  isOfAnother(authority: string, path: string): boolean {
    const address = addressOf(authority, path);
    return this.#own.size > 0 && this.#others.has(address) && !this.#own.has(address);
  }
}

/** Services may share a host, each under a path of its own. */
function addressOf(authority: string, path: string): string {
  return `${authority}${path.replace(/\/$/, '')}`;
}
