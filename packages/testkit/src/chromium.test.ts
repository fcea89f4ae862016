import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findChromium, startChromium, type TestChromium } from './chromium.js';

describe('Chromium on this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulla-path-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is found in the first folder that has it, and only where it may be run', () => {
    const [none, closed, open] = ['none', 'closed', 'open'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const [place, mode] of [
      [closed, 0o644],
      [open, 0o755],
    ] as const) {
      mkdirSync(place);
      writeFileSync(join(place, 'chromium'), '', { mode });
    }
    expect(findChromium([none, closed])).toBeUndefined();
    expect(findChromium([none, closed, open])).toBe(join(open, 'chromium'));
  });

  it('is not started where it is not there, and what cannot be started leaves nothing behind', async () => {
    await expect(startChromium([])).rejects.toThrow('no Chromium is installed');
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    const script = `#!/bin/sh\nprintf '%s' "$HOME" > ${join(folder, 'home')}\nexit 3\n`;
    writeFileSync(join(broken, 'chromium'), script, { mode: 0o755 });
    await expect(startChromium([broken])).rejects.toThrow('exitCode=3');
    const home = readFileSync(join(folder, 'home'), 'utf8');
    expect([home, existsSync(home)]).toEqual([expect.stringContaining('bulla-chromium-'), false]);
  });
});

// Where no browser is installed these tests cannot mean anything; the others still run.
(findChromium() === undefined ? describe.skip : describe)('a Chromium of our own', () => {
  const pages: Readonly<Record<string, string>> = {
    '/quiet': `<link rel="icon" href="data:,"><title>Quiet</title>`,
    '/loud': `<link rel="icon" href="data:,"><script>
      console.error('one'); console.warn('two'); console.info('not this');
      localStorage.setItem('kept', 'yes'); throw new Error('three');</script>`,
    '/abroad': `<link rel="icon" href="data:,"><script src="http://bulla.example/a.js"></script>`,
  };
  let server: Server;
  let browser: TestChromium;
  const address = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(pages[url]);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser.stop();
    server.close();
  });

  it('says which it is', () => expect(browser.version).toMatch(/^\d+(\.\d+){3}$/));

  it('opens a page that has nothing to complain about', async () => {
    const { page, complaints } = await browser.open(address('/quiet'));
    expect([await page.title(), complaints]).toEqual(['Quiet', []]);
  });

  it('gathers what a page complains about, and keeps nothing of it for the next one', async () => {
    const { complaints } = await browser.open(address('/loud'));
    expect(complaints.toSorted()).toEqual(['error: one', 'uncaught: three', 'warning: two']);
    const { page } = await browser.open(address('/quiet'));
    expect(await page.evaluate(() => localStorage.getItem('kept'))).toBeNull();
  });

  it('reaches no other machine', async () => {
    const { complaints } = await browser.open(address('/abroad'));
    expect(complaints).toContain('net::ERR_NAME_NOT_RESOLVED: http://bulla.example/a.js');
  });

  it('removes its files when it is stopped, and may be stopped twice', async () => {
    const second = await startChromium();
    expect(existsSync(second.home)).toBe(true);
    await second.stop();
    await second.stop();
    expect(existsSync(second.home)).toBe(false);
  });
});
