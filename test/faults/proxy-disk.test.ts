import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../bulla-command.js';
import { type RunningProxy, startProxy } from '../e2e/stories/running-proxy.js';
import { succeed } from '../e2e/stories/second-person.js';
import { mountSmallDisk } from './small-disk.js';

// A proxy whose disk for receipts is full: what apps asked is answered, and what could not be kept is said.

const disk = await mountSmallDisk(8);
const withDisk = disk === undefined ? describe.skip : describe;

let folder: string;
let running: RunningCommand | undefined;
let proxy: RunningProxy | undefined;
let home: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-proxy-disk-'));
  const owner = { BULLA_HOME: join(folder, 'home') };
  running = await startUp(owner);
  home = owner.BULLA_HOME;
  const receipts = join(disk?.path ?? folder, 'receipts');
  await mkdir(receipts, { mode: 0o700 });
  await symlink(receipts, join(home, 'receipts'));
  proxy = await startProxy(owner);
});
afterAll(async () => {
  await proxy?.stop();
  await running?.stop();
  await disk?.unmount();
  await rm(folder, { recursive: true, force: true });
});

async function ask(stream: boolean): Promise<Response> {
  return fetch(`${proxy?.app['OPENAI_BASE_URL']}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${proxy?.app['OPENAI_API_KEY']}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'default', stream, messages: [{ role: 'user', content: 'Water is flowing.' }] }),
  });
}

withDisk('a proxy whose disk for receipts is full', () => {
  it('answers its apps, names no receipt, says what is lost, and keeps receipts again when there is room', async () => {
    expect((await ask(false)).headers.get('x-bulla-receipt-id')).toMatch(/^rcp_/);
    await disk?.fill();
    const streamed = await ask(true);
    const named = streamed.headers.get('x-bulla-receipt-id');
    const told = await streamed.text();
    expect(told).toContain('data: [DONE]');
    expect(told).toContain(`: bulla: receipt ${named} was not kept`);
    const whole = await ask(false);
    expect([whole.status, whole.headers.get('x-bulla-receipt-id')]).toEqual([200, null]);
    expect((await ask(true)).headers.get('x-bulla-receipt-id')).toBeNull();
    expect(proxy?.stderr().match(/receipts are not kept: the disk is full/g)).toHaveLength(1);
    const { stdout } = await succeed(['proxy', 'status', '--json'], {
      BULLA_HOME: home,
      BULLA_PROXY_TOKEN: proxy?.app['OPENAI_API_KEY'] ?? '',
    });
    expect(JSON.parse(stdout)).toMatchObject({
      verified: 4,
      receipts: { kept: 1, lost: 3, fault: 'the disk is full' },
    });
    expect((await readdir(join(home, 'receipts'))).filter((name) => !name.endsWith('.sealed'))).toEqual([]);
    await disk?.free();
    expect((await ask(false)).headers.get('x-bulla-receipt-id')).toMatch(/^rcp_/);
  });
});

withDisk('a proxy whose own disk is full', () => {
  it('tells its app why it gets no whole answer', async () => {
    const device = join(disk?.path ?? folder, 'device');
    await mkdir(device, { mode: 0o700 });
    for (const file of ['identity.json', 'profile.json']) await copyFile(join(home, file), join(device, file));
    await proxy?.stop();
    proxy = await startProxy({ BULLA_HOME: device });
    await disk?.fill();
    const told = await (await ask(true)).text();
    expect(told).toContain('its disk is full (ENOSPC)');
    expect(told).not.toContain('[DONE]');
    await disk?.free();
    expect((await ask(false)).status).toBe(200);
  });
});
