import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepAsking } from './steady-asking.js';
import type { Running } from './world.js';
import { World } from './world.js';

// A vault and a responder get new signing keys, and new keys for checkpoints, while somebody goes on running prompts, and nothing is started anew.

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
const TAKEN_WITHIN_MS = 20_000;
const URNS = { vault: 'urn:bulla:dev:svc:vault', responder: 'urn:bulla:dev:svc:responder:local' } as const;
type ServiceName = keyof typeof URNS;
const keysOf = (service: ServiceName) => join(world.path('home'), `services/${service}.keys.json`);
const ASK = ['run', 'claims/triage', '--var', 'claim=Water.'];
const ask = () => world.bulla(ASK);

/** Until the service has taken its new file, there is a reason not to. */
async function retired(service: ServiceName): Promise<string> {
  const deadline = performance.now() + TAKEN_WITHIN_MS;
  for (;;) {
    const { code, stdout, stderr } = await world.bulla(['trust', 'retire', service, '--yes']);
    if (code === 0) return stdout;
    if (performance.now() > deadline || !stderr.includes('still signs with')) throw new Error(stderr);
    await pause(100);
  }
}

describe.each<ServiceName>(['vault', 'responder'])('a new signing key of a %s', (service) => {
  const urn = URNS[service];

  it('lies ready, is listed, signs, and ends the old one, while every question is answered [guard: retire-signs]', async () => {
    const stop = keepAsking(world, ASK, 'Water.');
    const file = world.path(`${service}.new.json`);
    const made = await world.done(['keys', 'generate', file, '--like', keysOf(service), '--signing', '--checkpoint']);
    const what = 'a fresh signing key, key for the next audit log beside the keys';
    expect(made.stdout).toBe(`✔ ${what} of ${urn} in ${file}\n`);
    const [fresh, old] = (JSON.parse(await readFile(file, 'utf8')) as { keys: { kid: string; use: string }[] }).keys;
    expect([fresh?.use, old?.use]).toEqual(['sig', 'sig']);
    const shown = await world.done(['keys', 'public', file]);
    const [, fingerprint = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
    const [, checkpoint = ''] = new RegExp(`^its key for checkpoints (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
    const keys = await world.file(`${service}.public`, shown.stdout);

    const accept = ['trust', 'accept', service, '--fingerprint', fingerprint, '--keys', keys];
    const refused = await world.bulla(accept);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`${urn} does not hold ${fingerprint}`);
    expect(refused.stderr).toContain('so nothing was signed: its new key file is not in place');
    expect(refused.stderr).toMatch(/^bulla: hint: .*BULLA_KEYS_FILE.*--file-later$/m);
    // Listed before the file is there, it would be the end of a key that still signs.
    const accepted = await world.done([...accept, '--file-later']);
    expect(accepted.stderr).toContain(`note: put the new key file of the ${service} in place now`);
    expect(accepted.stderr).toContain(`the ${service} signs with the new one once it trusts that version`);
    expect(accepted.stderr).toContain(`Then: bulla trust retire ${service}`);
    const early = await world.bulla(['trust', 'retire', service, '--yes']);
    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toMatch(new RegExp(`${urn} still signs with ${FINGERPRINT}: put the file`));

    await rename(file, keysOf(service));
    expect(await retired(service)).toMatch(new RegExp(`^✔ retired: ${FINGERPRINT} of ${urn}\\n$`));
    expect((await ask()).stdout).toContain('Water.');
    const { answered, failed } = await stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    process.stdout.write(`signing key of the ${service}: ${answered} runs meanwhile, ${failed.length} failed\n`);
    const listed = (await world.done(['trust', 'show'])).stdout.split('\n');
    for (const one of [fingerprint, checkpoint]) expect(listed.find((line) => line.includes(one))).toMatch(/ active$/);
    // The log goes on, and its newest checkpoint is signed by the new key.
    expect((await world.done(['audit', 'verify'])).stdout).toContain(`signed by ${checkpoint}`);
    expect((await world.done(['trust', 'retire', service])).stdout).toBe(
      `nothing to retire: ${urn} has no older keys\n`,
    );
  }, 120_000);
});
