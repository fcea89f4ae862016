import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

let world: World;
let bulla: Bulla;
const small = { name: 'small', default: true, targets: [{ upstream: 'local', can: ['chat'] }], fallbacks: [] };
const offered = { data: [small], others: false };
beforeAll(async () => {
  world = await makeWorld();
  bulla = await world.client();
});
beforeEach(() => {
  world.responder.service.lies['model.list'] = () => ({ body: offered });
  world.responder.service.signatures = 'good';
});
afterAll(() => world.stop());

describe('the models of a responder', () => {
  it('are what it says, with its name', async () => {
    const [{ urn }] = world.organisation.responders;
    expect(await bulla.models()).toEqual({ responder: urn, ...offered });
    expect(await bulla.models(urn)).toEqual({ responder: urn, ...offered });
  });

  it('are not asked of a responder that nobody lists', async () => {
    await expect(bulla.models('urn:bulla:acme:svc:responder:none')).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('lists no responder of that name'),
    });
  });

  it('are believed only as the responder signed them, in the form that they should have', async () => {
    world.responder.service.signatures = 'wrong';
    await expect(bulla.models()).rejects.toMatchObject({ code: 'transport_failed', origin: 'client' });
    world.responder.service.signatures = 'good';
    world.responder.service.lies['model.list'] = () => ({
      body: { data: [{ ...small, name: 'm\nVALID' }], others: false },
    });
    await expect(bulla.models()).rejects.toMatchObject({
      code: 'transport_failed',
      message: expect.stringContaining('does not have the form it should have'),
    });
  });
});
