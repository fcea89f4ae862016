import { describe, expect, it } from '@jest/globals';
import type { Trust } from '@bulla/crypto';
import { ServiceAddresses } from './service-addresses.js';

const VAULT = 'urn:bulla:acme:svc:vault';
const EU = 'urn:bulla:acme:svc:responder:eu';

/** A directory that lists these addresses. */
function listing(vault: string | undefined, eu: string): Trust {
  const entities: Record<string, object> = {
    [VAULT]: { kind: 'vault', url: vault },
    [EU]: { kind: 'responder', url: eu },
  };
  const of: Readonly<Record<string, readonly string[]>> = { vault: [VAULT], responder: [EU] };
  return { entitiesOf: (kind: string) => of[kind], entity: (urn: string) => entities[urn] } as unknown as Trust;
}
const APART = listing('https://vault.example', 'https://eu.example:8443/');

describe('a request', () => {
  it.each<[string, readonly Trust[], string, string, boolean]>([
    ['to the address of this service', [APART], 'vault.example', '', false],
    ['to that of another', [APART], 'eu.example:8443', '', true],
    ['to a name that no directory lists', [APART], 'vault:4100', '', false],
    ['to another port of the same host', [APART], 'eu.example', '', false],
    ['to a service without an address', [listing(undefined, 'https://eu.example')], 'eu.example', '', false],
    [
      'to where this service was before',
      [APART, listing('https://eu.example:8443', 'https://x.example')],
      'eu.example:8443',
      '',
      false,
    ],
    [
      'to the path of this service',
      [listing('https://one.example/vault', 'https://one.example/eu')],
      'one.example',
      '/vault',
      false,
    ],
    [
      'to the path of another',
      [listing('https://one.example/vault', 'https://one.example/eu/')],
      'one.example',
      '/eu',
      true,
    ],
    ['to an address that both have', [listing('https://one.example', 'https://one.example')], 'one.example', '', false],
  ])('%s', (_what, trusts, authority, path, isOfAnother) => {
    expect(new ServiceAddresses(trusts, VAULT).isOfAnother(authority, path)).toBe(isOfAnother);
  });
});
