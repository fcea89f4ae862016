import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Ended } from '../bulla-process.js';
import { type ServiceProcess, startService } from '../faults/service-process.js';

// A responder answers with another key than the directory lists. Nobody trusts it silently.

const database = await databaseForTest();
/** Services that run on their own need a server. */
const withServer = database.url === undefined ? describe.skip : describe;
const FINGERPRINT = /[0-9a-f]{4}(?::[0-9a-f]{4}){7}/g;

const ok = (ended: Ended): Ended => {
  expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
  return ended;
};

withServer('a responder with new keys', () => {
  let folder: string;
  let home: string;
  let settings: Record<string, string>;
  let vault: ServiceProcess;
  let responder: ServiceProcess;
  let startResponder: (keys: string) => Promise<ServiceProcess>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-s7-'));
    home = join(folder, 'home');
    settings = { BULLA_HOME: home };
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    const [vaultUrl, responderUrl] = [vaultPort, responderPort].map((port) => `http://127.0.0.1:${port}`) as [
      string,
      string,
    ];
    const urls = ['--vault-url', vaultUrl, '--responder-url', responderUrl];
    ok(await bulla(['init', '--production', '--org', 'acme', ...urls], settings));
    vault = await startService('vault', {
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_KEYS_FILE: join(home, 'services/vault.keys.json'),
      BULLA_AUDIT_MARKS: join(home, 'audit/vault'),
      BULLA_BOOTSTRAP_SECRET_FILE: join(home, 'bootstrap.secret'),
      BULLA_VAULT_PORT: String(vaultPort),
    });
    ok(await bulla(['trust', 'renew'], settings));
    const { pin } = JSON.parse(await readFile(join(home, 'profile.json'), 'utf8')) as { pin: string };
    startResponder = (keys) =>
      startService('responder', {
        BULLA_DATABASE_URL: database.url ?? '',
        BULLA_KEYS_FILE: keys,
        BULLA_AUDIT_MARKS: join(home, 'audit/responder'),
        BULLA_VAULT_URL: vaultUrl,
        BULLA_PIN: pin,
        BULLA_RESPONDER_PORT: String(responderPort),
      });
    responder = await startResponder(join(home, 'services/responder.keys.json'));
    await writeFile(join(folder, 'triage.md'), 'Sort this claim by urgency.\n\n{{claim}}\n');
    ok(await push());
    ok(await run());
  });
  afterAll(async () => {
    await responder.stop();
    await vault.stop();
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  });

  const push = () =>
    bulla(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md'), '--label', 'production'], settings);
  const run = () => bulla(['run', 'claims/triage', '--var', 'claim=Water is flowing. It is urgent.'], settings);

  it('is not sealed to a key that lies with the owner and not yet in its own file [guard: renew-held]', async () => {
    // The responder reads a copy, as on a machine of its own.
    const [own, installed] = [join(home, 'services/responder.keys.json'), join(folder, 'responder.copy.json')];
    const next = join(folder, 'responder.both.json');
    await responder.stop();
    await copyFile(own, installed);
    responder = await startResponder(installed);
    ok(await bulla(['keys', 'generate', next, '--like', installed, '--encryption'], settings));
    await copyFile(next, own);
    const unwrapping = async () => ok(await bulla(['trust', 'show'], settings)).stdout.match(/ unwrap .* active$/gm);
    const before = await unwrapping();
    const renew = async () => ok(await bulla(['trust', 'renew'], settings));
    expect((await renew()).stderr).toMatch(
      /^note: [0-9a-f:]{39} of urn:bulla:acme:svc:responder:main is not listed yet, since it does not hold it: put/m,
    );
    expect(await unwrapping()).toEqual(before);

    await responder.stop();
    expect((await renew()).stderr).toContain('since nobody could be asked whether it holds it');
    expect(await unwrapping()).toEqual(before);
    responder = await startResponder(installed);
    await rename(next, installed);
    while ((await renew()).stderr.includes('is not listed yet'));
    expect(await unwrapping()).toHaveLength((before?.length ?? 0) + 1);
    ok(await run());
  });

  it('is refused with both fingerprints, until a holder of the directory key lists what its operator stands for', async () => {
    const [oldKeys, newKeys] = [join(home, 'services/responder.keys.json'), join(folder, 'responder.new.json')];
    const old = ok(await bulla(['keys', 'public', oldKeys], settings)).stderr.match(FINGERPRINT)?.[0] ?? '';
    ok(await bulla(['keys', 'generate', newKeys, '--like', oldKeys], settings));
    await responder.stop();
    responder = await startResponder(newKeys);

    const refused = await run();
    expect([refused.status, refused.stdout]).toEqual([10, '']);
    expect(refused.stderr).toContain('responder_key_changed');
    const shown = refused.stderr.match(FINGERPRINT) ?? [];
    expect(new Set(shown).size).toBe(2);
    expect(shown).toContain(old);

    // What the operator prints there, and reads out.
    const stated = ok(await bulla(['keys', 'public', newKeys], settings));
    const fingerprint = stated.stderr.match(FINGERPRINT)?.[0] ?? '';
    expect(refused.stderr).toContain(`bulla trust accept responder --fingerprint ${fingerprint} `);
    const file = join(folder, 'responder.public');
    await writeFile(file, stated.stdout);
    const accept = (of: string) => bulla(['trust', 'accept', '--fingerprint', of, '--keys', file], settings);
    expect((await accept(old)).status).toBe(10);
    expect((await accept('ab12')).status).toBe(2);
    expect((await run()).status).toBe(10);

    const accepted = ok(await accept(fingerprint));
    expect(accepted.stdout).toContain(`${old} → ${fingerprint}`);
    const sealedToOld = await run();
    expect([sealedToOld.status, sealedToOld.stderr]).toEqual([3, expect.stringContaining('needs_rewrap')]);
    expect(ok(await push()).stderr).toContain('sealed for 1 more (responder main)');
    const answered = ok(await run());
    expect(answered.stdout).toContain('Water is flowing.');
    expect(answered.stderr).toContain(`signed by responder main ${fingerprint.slice(0, 9)}`);
  });

  it('answers again when its file was put in place, its keys published, and versions resealed, in this order', async () => {
    // A label that is not at the newest version, and none is moved or pushed.
    await writeFile(join(folder, 'triage.md'), 'Sort this claim, and say why.\n\n{{claim}}\n');
    ok(await bulla(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md')], settings));
    const installed = join(folder, 'responder.new.json');
    /** Fresh keys, and the command that lists them. */
    const generate = async (name: string, like: string, ...more: string[]) => {
      const keys = join(folder, `${name}.json`);
      ok(await bulla(['keys', 'generate', keys, '--like', like, ...more], settings));
      const stated = ok(await bulla(['keys', 'public', keys], settings));
      const fingerprint = stated.stderr.match(FINGERPRINT)?.[0] ?? '';
      const file = join(folder, `${name}.public`);
      await writeFile(file, stated.stdout);
      return { keys, fingerprint, accept: ['trust', 'accept', '--fingerprint', fingerprint, '--keys', file] };
    };
    // A copy from before the last change knows of log 1 alone.
    const old = await generate('responder.old', join(home, 'services/responder.keys.json'));
    const ofOld = await bulla(old.accept, settings);
    expect([ofOld.status, ofOld.stderr]).toEqual([2, expect.stringContaining('the directory lists one of log 2')]);
    expect(ofOld.stderr).toContain('bulla keys generate NEW --like FILE --marks FOLDER');
    const marks = ['--marks', join(home, 'audit/responder')];
    const { keys: newest, fingerprint, accept } = await generate('responder.newest', installed, ...marks);
    const early = await bulla(accept, settings);
    expect([early.status, early.stderr]).toEqual([2, expect.stringContaining('its new key file is not in place')]);
    await rename(newest, installed);
    // It looks every two seconds.
    for (;;) {
      const accepted = await bulla(accept, settings);
      if (accepted.status === 0) break;
      expect(accepted.stderr).toContain('its new key file is not in place');
    }
    const before = await run();
    expect([before.status, before.stderr]).toEqual([3, expect.stringContaining('reseal claims/triage --labelled')]);
    const doctor = async () => (await bulla(['doctor'], settings)).stdout;
    const key = String.raw`for responder main \(encryption key [0-9a-f:]{9}\)`;
    expect(await doctor()).toMatch(
      new RegExp(`2 labelled versions without a grant: claims/triage v1 ${key}; claims/triage v2 ${key}\n`),
    );
    expect(ok(await bulla(['prompt', 'reseal', 'claims/triage', '--labelled'], settings)).stdout).toBe(
      'claims/triage v1  sealed to responder main\nclaims/triage v2  sealed to responder main\n',
    );
    expect(await doctor()).not.toContain('without a grant');
    await responder.stop();
    responder = await startResponder(installed);
    const answered = ok(await run());
    expect(answered.stderr).toContain(`signed by responder main ${fingerprint.slice(0, 9)}`);
    // Each of its files brought the key of a log, and every log is whole.
    const verified = ok(await bulla(['audit', 'verify'], settings)).stdout;
    const origins = verified.match(/^bulla\/.*$/gm)?.map((origin) => origin.split('/').slice(3).join('/'));
    expect(origins).toEqual(['vault/audit/1', ...[1, 2, 3].map((log) => `responder:main/audit/${log}`)]);
    expect(verified.match(/^chain ok /gm)).toHaveLength(4);
  });
});
