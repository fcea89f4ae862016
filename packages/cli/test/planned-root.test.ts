import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const trust = (...argv: readonly string[]) => world.bulla(['trust', ...argv]);
const proposed = async (name: string, ...options: readonly string[]): Promise<string> => {
  await world.done(['trust', 'root', 'propose', ...options, '-o', world.path(name)]);
  return world.path(name);
};
const rootVersion = async () =>
  (JSON.parse((await world.done(['trust', 'show', '--json'])).stdout) as { root: { version: number } }).root.version;

describe('a root that is planned', () => {
  it('lets no device in that is in as an owner [guard: own-device-out]', async () => {
    expect(await trust('root', 'propose', '--own-device', '-o', world.path('no.proposal'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('lets this device in as an owner'),
    });
  });

  it('is published in the quarter of an hour before, or then [guard: publish-early]', async () => {
    const at = new Date(Date.now() + 40 * 60_000).toISOString().replace(/\.\d+/, '');
    const file = await proposed('planned.proposal', '--at', at);
    expect((await trust('cosign', file)).stderr).toContain('the same keys, for a further life');
    const [named = ''] = /sha256:[\w-]{43}$/m.exec((await trust('cosign', file)).stderr) ?? [];
    await world.done(['trust', 'cosign', file, '--yes', '--expect', named]);
    expect(await trust('publish', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('is planned for') });
    // Until then the keys here sign no other root 2.
    const again = await proposed(
      'again.proposal',
      '--at',
      at.replace(/:\d\dZ$/, at.endsWith(':59Z') ? ':58Z' : ':59Z'),
    );
    const shown = await trust('cosign', again);
    const [expected = ''] = /sha256:[\w-]{43}$/m.exec(shown.stderr) ?? [];
    expect(await trust('cosign', again, '--yes', '--expect', expected)).toMatchObject({
      stderr: expect.stringContaining('signed here already'),
    });
    expect(await rootVersion()).toBe(1);
  });
});
