import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { bulla } from '../../bulla-command.js';
import { startBulla } from '../../bulla-process.js';
import { succeed } from './second-person.js';

// A first run, and a second that finds everything.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s1-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a first start makes an organisation in which doctor finds nothing wrong, and a second changes nothing of it', async () => {
  const settings = { BULLA_HOME: join(folder, 'home') };
  const first = await startBulla(settings);
  expect(first.stderr()).toContain('root version 1 signed');
  const healthy = await bulla(['doctor'], settings);
  expect([healthy.status, healthy.stdout]).toEqual([0, expect.stringContaining('✔')]);
  expect(healthy.stdout).not.toContain('✘');
  const pin = (await succeed(['trust', 'pin'], settings)).stdout;
  // Said once: who owns it, by which key, and what others need to check it by.
  expect(first.stderr()).toMatch(/this device is urn:bulla:dev:dev:dev_\w+, the owner, with key [0-9a-f:]{39}\n/);
  expect(first.stderr()).toContain(`the pin is ${pin.trim()}: `);
  const before = await fingerprintsOf(settings.BULLA_HOME);
  expect(before.size).toBeGreaterThan(8);
  // Without a model server, too, it shows how the parts work together, and says that nothing thought about it.
  const chat = await bulla(['chat', '-m', 'Good morning'], settings);
  expect([chat.status, chat.stderr]).toEqual([0, expect.stringContaining('(not a language model)')]);
  expect(chat.stdout.trim()).not.toBe('');
  const [vaultPort = '', responderPort = ''] = [...first.stdout().matchAll(/127\.0\.0\.1:(\d+)/g)].map(
    ([, port]) => port,
  );
  expect((await first.stop()).status).toBe(0);

  const second = await startBulla({ ...settings, BULLA_VAULT_PORT: vaultPort, BULLA_RESPONDER_PORT: responderPort });
  expect(second.stderr()).not.toMatch(/signed for|the pin is/);
  expect(await fingerprintsOf(settings.BULLA_HOME)).toEqual(before);
  expect((await succeed(['trust', 'pin'], settings)).stdout).toBe(pin);
  const again = await bulla(['doctor'], settings);
  expect([again.status, again.stdout.includes('✘')]).toEqual([0, false]);
  expect((await second.stop()).status).toBe(0);
});

/** SHA-256 of every file that says who belongs to the organisation, and of every key; what the renewer has seen grows, and the audit logs do. */
async function fingerprintsOf(home: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    const path = relative(home, join(entry.parentPath, entry.name));
    if (
      !entry.isFile() ||
      /^(pglite\/|audit\/|trust\.json|services\/renewer\.(round|trust\.json)|lock|database)/.test(path)
    )
      continue;
    files.set(
      path,
      createHash('sha256')
        .update(await readFile(join(home, path)))
        .digest('hex'),
    );
  }
  return files;
}
