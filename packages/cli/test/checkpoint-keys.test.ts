import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

// The keys that sign the logs of a vault and a responder: made where a file has none, and listed by who signs the directory.

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const FINGERPRINT = String.raw`[0-9a-f]{4}(?::[0-9a-f]{4}){7}`;
const keysOf = (service: string) => join(world.path('home'), `services/${service}.keys.json`);
/** Makes a file like that of a service, and states it. */
async function stated(service: string, ...options: string[]) {
  const file = world.path(`${service}.new.json`);
  await world.done(['keys', 'generate', file, '--like', keysOf(service), ...options]);
  const { stdout, stderr } = await world.done(['keys', 'public', file]);
  const [, fingerprint = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(stderr) ?? [];
  const [, checkpoint = ''] = new RegExp(`^its key for checkpoints (${FINGERPRINT})$`, 'm').exec(stderr) ?? [];
  const statement = await world.file(`${service}.public`, stdout);
  return { file, checkpoint, accepted: ['--fingerprint', fingerprint, '--keys', statement] };
}
const listed = async (fingerprint: string) => {
  const { stdout } = await world.done(['trust', 'show']);
  return stdout.split('\n').find((line) => line.includes(fingerprint));
};

describe('a key for checkpoints', () => {
  it('is there from the first start on, and shown with the others', async () => {
    const { stdout } = await world.done(['trust', 'show']);
    expect(stdout).toMatch(/^vault .* checkpoint +ed25519 +active$/m);
    expect(stdout).toMatch(/^responder local .* checkpoint +ed25519 +active$/m);
    expect((await world.done(['keys', 'public', keysOf('vault')])).stderr).toMatch(
      new RegExp(`^its key for checkpoints ${FINGERPRINT}$`, 'm'),
    );
    expect((await world.done(['keys', 'public'])).stderr).not.toContain('checkpoints');
  });

  it.each(['vault', 'responder'])('of a %s may be new by itself: nothing else changes', async (service) => {
    const { file, checkpoint, accepted } = await stated(service, '--checkpoint');
    const other = service === 'vault' ? 'responder' : 'vault';
    const mistaken = await world.bulla(['trust', 'accept', other, ...accepted]);
    expect(mistaken).toMatchObject({ code: 2, stdout: '' });
    expect(mistaken.stderr).toContain(`the directory lists no ${other} urn:bulla:dev:svc:${service}`);
    const early = await world.bulla(['trust', 'accept', service, ...accepted]);
    expect(early).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`does not hold ${checkpoint}`),
    });
    await rename(file, keysOf(service));
    const { stdout, stderr } = await world.accepted([service, ...accepted]);
    expect(stdout).toMatch(new RegExp(`^✔ urn:bulla:dev:svc:${service}\\S*: key for checkpoints ${checkpoint}\\n$`));
    expect(stderr).toMatch(/^directory version \d+; its other keys are what they were$/m);
    expect(stderr).not.toContain('reseal');
    expect(await listed(checkpoint)).toMatch(/ checkpoint +ed25519 +active/);
    expect((await world.done(['run', 'claims/triage', '--var', 'claim=Water.'])).stdout).toContain('Water.');
  });

  it('comes with all new keys of the vault, whose file waits in its place until they are listed', async () => {
    const { file, checkpoint, accepted } = await stated('vault');
    // Without the word a responder's are meant, as ever.
    expect((await world.bulla(['trust', 'accept', ...accepted])).stderr).toContain('lists no responder');
    await rename(file, keysOf('vault'));
    const { stdout, stderr } = await world.accepted(['vault', ...accepted]);
    expect(stdout).toMatch(new RegExp(`: ${FINGERPRINT} → ${accepted[1]}; key for checkpoints ${checkpoint}\\n$`));
    expect(stderr).toContain('the old keys sign until their own end');
    expect(stderr).not.toContain('reseal');
    const asked = ['run', 'claims/triage', '--var', 'claim=Water.'];
    expect((await world.done(asked)).stdout).toContain('Water.');
    await running.stop();
    running = await world.up();
    expect(running.stderr.text).not.toContain('checkpoints');
    expect((await world.done(asked)).stdout).toContain('Water.');
    expect(await readFile(keysOf('vault'), 'utf8')).toContain('checkpoint');
  });

  it.each([
    ['--checkpoint goes with --like', ['one']],
    ['--suite does not go with it', ['one', '--like', 'nothing.json', '--suite', 'p256']],
  ])('is not made where %s', async (told, argv) => {
    const ended = await world.bulla(['keys', 'generate', ...argv, '--checkpoint']);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(told) });
  });

  it('is not added to the keys of a device', async () => {
    const like = join(world.path('home'), 'identity.json');
    const ended = await world.bulla(['keys', 'generate', world.path('own.json'), '--like', like, '--checkpoint']);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('neither a vault nor a responder') });
  });
});
