import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findSoftHsm, SoftHsm, tokenProcesses } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepAsking } from './steady-asking.js';
import type { Running } from './world.js';
import { World } from './world.js';

// Vault and responder go from signing keys in their files to keys in a token while somebody runs prompts, and back to life after the token was away.

const FINGERPRINT = String.raw`[0-9a-f]{4}(?::[0-9a-f]{4}){7}`;
const WITHIN_MS = 30_000;
const ASK = ['run', 'claims/triage', '--var', 'claim=Water.'];
type ServiceName = 'vault' | 'responder';
const where = findSoftHsm() === undefined ? describe.skip : describe;

where('signing keys in SoftHSM, which stands in for hardware', () => {
  let world: World;
  let running: Running;
  let hsm: SoftHsm;
  beforeAll(async () => {
    hsm = new SoftHsm(findSoftHsm() ?? '');
    process.env['SOFTHSM2_CONF'] = hsm.settings;
    world = await World.make();
    running = await world.up('organisation');
    await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
    await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  });
  afterAll(async () => {
    await running.stop();
    await world.remove();
  });

  const keysOf = (service: ServiceName) => join(world.path('home'), `services/${service}.keys.json`);
  const newest = async (service: ServiceName) =>
    (JSON.parse(await readFile(keysOf(service), 'utf8')) as { keys: { kid: string }[] }).keys[0]?.kid;
  const ask = () => world.bulla(ASK);

  async function until<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
    const deadline = performance.now() + WITHIN_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error('it did not come');
      await pause(100);
    }
  }

  it.each<ServiceName>(['vault', 'responder'])(
    'a %s goes over to them while every question is answered',
    async (service) => {
      const stop = keepAsking(world, ASK, 'Water.');
      const file = world.path(`${service}.new.json`);
      const token = `pkcs11:${hsm.place(service)}`;
      const inToken = ['--signing', '--token', token, '--suite', 'rsa3072'];
      const made = await world.done(['keys', 'generate', file, '--like', keysOf(service), ...inToken]);
      expect(made.stderr).toContain(`made in the token: ${service} in bulla (stand-in: SoftHSM`);
      const { keys } = JSON.parse(await readFile(file, 'utf8')) as {
        keys: { kid: string; token?: string; jwk: object }[];
      };
      expect(keys[0]).toMatchObject({ alg: 'PS256', token, jwk: { kty: 'RSA', e: 'AQAB' } });
      expect(Object.keys(keys[0]?.jwk ?? {})).toEqual(['kty', 'n', 'e']);

      const shown = await world.done(['keys', 'public', file]);
      const [, fingerprint = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
      const stated = await world.file(`${service}.public`, shown.stdout);
      await rename(file, keysOf(service));
      await world.accepted([service, '--fingerprint', fingerprint, '--keys', stated]);
      const retired = await until(async () => {
        const { code, stdout, stderr } = await world.bulla(['trust', 'retire', service, '--yes']);
        if (code !== 0 && !stderr.includes('still signs with')) throw new Error(stderr);
        return code === 0 ? stdout : undefined;
      });
      expect(retired).toMatch(/^✔ retired: /);
      expect((await ask()).stdout).toContain('Water.');
      const { answered, failed } = await stop();
      expect(failed).toEqual([]);
      expect(answered).toBeGreaterThan(0);
      process.stdout.write(`${service} to a key in SoftHSM: ${answered} runs meanwhile, ${failed.length} failed\n`);
    },
    180_000,
  );

  it('sign the envelopes and answers that are verified from then on', async () => {
    const { stdout } = await world.done(['run', 'claims/triage', '--var', 'claim=Water.', '--json']);
    const answer = await world.file('answer.json', stdout);
    const { stdout: verified } = await world.done(['verify', answer]);
    expect(verified).toContain('✔');
    // By the headers of the tokens in it.
    const headers = [...stdout.matchAll(/"(eyJ[\w-]+)\./g)].map(([, part = '']) =>
      Buffer.from(part, 'base64url').toString(),
    );
    const kidsOf = (typ: string) =>
      headers
        .map((text) => JSON.parse(text) as { typ: string; kid: string })
        .filter((one) => one.typ === typ)
        .map(({ kid }) => kid);
    expect(kidsOf('bulla-envelope+jwt')).toEqual([await newest('vault')]);
    expect(kidsOf('bulla-reply-fin+jwt')).toEqual([await newest('responder')]);
  });

  it('are shown where people look, as a stand-in', async () => {
    expect((await world.done(['keys', 'status'])).stdout).toMatch(
      /^vault http\+envelope +active +today +rsa3072, in a token, stand-in: SoftHSM/m,
    );
    const { stdout } = await world.bulla(['doctor', '--json']);
    const findings = JSON.parse(stdout) as { name: string; ok: boolean; detail: string }[];
    const ofKeys = findings.filter(({ name }) => name.endsWith(' key'));
    expect(ofKeys.map(({ name }) => name)).toEqual(['vault key', 'vault key', 'responder key']);
    expect(ofKeys[0]).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^vault in bulla, a token; a stand-in/),
    });
  });

  it('that are away are a passing fault, and sign again once they are back', async () => {
    hsm.takeAway();
    for (const pid of tokenProcesses()) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await ask();
    expect({ code, stderr }).toMatchObject({ code: 8, stderr: expect.stringMatching(/overloaded/) });
    const { stdout } = await world.bulla(['doctor']);
    expect(stdout).toMatch(/vault key.*has no token of that label/);
    expect(stdout).toMatch(/mend it: look for it with: pkcs11-tool/);
    hsm.putBack();
    const answered = await until(async () => {
      const again = await ask();
      return again.code === 0 ? again : undefined;
    });
    expect(answered.stdout).toContain('Water.');
  }, 60_000);

  it('that are away at a start end it, with what mends it', async () => {
    await running.stop();
    hsm.takeAway();
    const ended = await world.bulla(['up']);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).toMatch(/bulla: error: the token bulla, key vault: has no token of that label/);
    expect(ended.stderr).toMatch(/bulla: hint: look for it with: pkcs11-tool --module \S+ --list-token-slots/);
    hsm.putBack();
    running = await world.up();
    expect((await ask()).stdout).toContain('Water.');
  }, 60_000);
});
