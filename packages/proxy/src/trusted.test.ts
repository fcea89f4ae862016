import type { Bulla } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { describe, expect, it } from '@jest/globals';
import { trustedBy } from './trusted.js';

const KID = 'A'.repeat(43);
const URN = 'urn:bulla:acme:svc:responder:eu1';

/** A connection that answers as the test says. */
function connection(changes: object): Bulla {
  const trust = {
    org: 'acme',
    pin: 'sha256:0',
    directory: { version: 4 },
    activeKeys: () => [{ record: { kid: KID } }],
  };
  return {
    trust: () => Promise.resolve(trust),
    responder: () => Promise.resolve(URN),
    models: () => Promise.resolve({ responder: URN, data: [{ name: 'small' }, { name: 'large' }], others: false }),
    ...changes,
  } as unknown as Bulla;
}

const fails = (failure: Error) => () => Promise.reject(failure);
const gone = new BullaError('transport_failed', { message: 'gone', origin: 'client' });

describe('whom a proxy trusts', () => {
  it('is the organisation, the responder by its key, and its models', async () => {
    expect(await trustedBy(connection({}))).toEqual({
      organisation: 'acme',
      pin: 'sha256:0',
      directory: 4,
      responder: { urn: URN, keys: ['0000:0000:0000:0000:0000:0000:0000:0000'] },
      models: ['small', 'large'],
      trouble: null,
    });
  });

  it.each([
    ['the vault is away', { trust: fails(gone) }, { organisation: null, responder: null, trouble: 'transport_failed' }],
    [
      'the responder is away',
      { models: fails(gone) },
      { organisation: 'acme', models: null, trouble: 'transport_failed' },
    ],
    ['something else is wrong', { responder: fails(new Error('canary')) }, { directory: 4, trouble: 'internal' }],
  ])('is told as far as it is known where %s', async (_what, changes, known) => {
    const told = await trustedBy(connection(changes));
    expect(told).toMatchObject(known);
    expect(JSON.stringify(told)).not.toContain('canary');
  });
});
