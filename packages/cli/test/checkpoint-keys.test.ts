import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
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

  it('comes with what sets its folder of marks up, and is of a later log than those marks', async () => {
    const generate = async (name: string, ...options: string[]) => {
      const argv = ['keys', 'generate', world.path(name), '--like', keysOf('vault'), '--checkpoint', ...options];
      return JSON.parse((await world.done([...argv, '--json'])).stdout);
    };
    const lost = world.path('lost');
    await mkdir(lost);
    await writeFile(
      join(lost, 'acme.json'),
      JSON.stringify({ v: 1, origin: 'bulla/0123456789abcdef/dev/vault/audit/7' }),
    );
    const made = await generate('one.json', '--marks', lost);
    expect(made).toMatchObject({ log: 8, marks: world.path('one.log.json') });
    const setUp = JSON.parse(await readFile(made.marks, 'utf8'));
    expect(setUp).toMatchObject({ v: 1, urn: 'urn:bulla:dev:svc:vault', log: 8 });
    expect(await readFile(made.path, 'utf8')).toContain(setUp.kid);
    // A folder that is set up already vouches for the log that ends, too.
    await rename(made.marks, join(lost, 'log.json'));
    expect(await generate('two.json', '--marks', lost)).toMatchObject({ log: 9, marks: null });
    const alone = await world.bulla(['keys', 'generate', 'one', '--marks', lost]);
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining('--marks goes with --like') });
  });

  it('is not added to the keys of a device', async () => {
    const like = join(world.path('home'), 'identity.json');
    const ended = await world.bulla(['keys', 'generate', world.path('own.json'), '--like', like, '--checkpoint']);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('neither a vault nor a responder') });
  });
});

describe('the next audit logs', () => {
  const numbers = async () => {
    const files = await Promise.all(['vault', 'responder'].map(async (name) => readFile(keysOf(name), 'utf8')));
    return files.map((text) => /"log": (\d+)/.exec(text)?.[1]);
  };

  it('begin where a person agrees, since no named witness holds the newest note [guard: begin-logs-asks]', async () => {
    const before = await numbers();
    const refused = await world.bulla(['trust', 'renew', '--begin-logs'], { stdin: 'no\n' });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('no log begins: nothing was made') });
    expect(refused.stderr).toContain('the policy names no witness: urn:bulla:dev:svc:vault alone says so');
    expect(await numbers()).toEqual(before);
    const { stdout } = await world.done(['trust', 'renew', '--begin-logs', '--yes']);
    const next = before.map((number) => Number(number) + 1);
    expect(stdout).toContain(`key for audit log ${next[0]} of the vault made for two years`);
    expect(await numbers()).toEqual(next.map(String));
    // The services took their files meanwhile, and the directory lists the keys.
    expect(stdout).toMatch(/^directory version \d+ signed for 90 days$/m);
    const { stdout: shown } = await world.done(['trust', 'show']);
    expect(shown.match(/ checkpoint +ed25519 +active/g)?.length).toBeGreaterThan(3);
  });

  it.each([
    ['--yes goes with --adopt or --begin-logs', ['--yes']],
    ['--witness with --begin-logs only', ['--witness', 'witness.json']],
    ['logs begin anew once', ['--begin-logs', '--every', '1h']],
  ])('need their options together: %s', async (told, options) => {
    expect(await world.bulla(['trust', 'renew', ...options])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(told),
    });
  });
});
