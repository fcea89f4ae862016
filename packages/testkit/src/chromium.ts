import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { isExecutable } from './executable.js';
import { readTestSettings } from './settings.js';

/** Debian's name, and those of other distributions. */
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

const ARGUMENTS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A page that names another machine fails; neither it nor the browser itself can reach one.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** A page in a tab of its own, without anything stored by others. */
export interface TestPage {
  /** To drive it by. */
  readonly page: Page;
  /** Errors and warnings of its console, uncaught errors and requests that failed, in order. A test expects none. */
  readonly complaints: readonly string[];
}

/** A headless Chromium of one's own, which reaches nothing but 127.0.0.1. */
export interface TestChromium {
  /** As the browser says it, such as `156.0.7421.51`. */
  readonly version: string;
  /** Its home folder, gone when it is stopped. */
  readonly home: string;
  /** Loads an address and waits until it is there. */
  open(url: string): Promise<TestPage>;
  /** Ends it and removes its files. Stopping twice is no error. */
  stop(): Promise<void>;
}

/** The Chromium of this machine. Undefined where there is none: tests that need it are then skipped. */
export function findChromium(path: readonly string[] = readTestSettings().path): string | undefined {
  return path.flatMap((folder) => PROGRAMS.map((program) => join(folder, program))).find(isExecutable);
}

/**
 * Starts Chromium without a window, with an empty profile and home. One is enough for a test file: pages do not see
 * each other.
 * @throws {Error} when none is installed, or it does not start.
 */
export async function startChromium(path = readTestSettings().path): Promise<TestChromium> {
  const executablePath = findChromium(path);
  if (executablePath === undefined) throw new Error('no Chromium is installed');
  const home = await mkdtemp(join(tmpdir(), 'bulla-chromium-'));
  const removeHome = () => rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    const browser = await chromium.launch({
      executablePath,
      args: ARGUMENTS,
      // Chromium's sandbox does not work as root.
      chromiumSandbox: process.getuid?.() !== 0,
      // No environment of ours: proxies, caches and languages would change what is started.
      env: { HOME: home, LANG: 'C.UTF-8', PATH: path.join(':') },
    });
    return {
      version: browser.version(),
      home,
      async open(url) {
        const context = await browser.newContext();
        const page = await context.newPage();
        const complaints = complaintsOf(page);
        await page.goto(url);
        return { page, complaints };
      },
      async stop() {
        await browser.close();
        await removeHome();
      },
    };
  } catch (error) {
    await removeHome();
    throw error;
  }
}

function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (/^(error|warning|assert)$/.test(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'failed';
    // What the page itself no longer wants is no failure.
    if (why !== 'net::ERR_ABORTED') complaints.push(`${why}: ${request.url()}`);
  });
  page.on('crash', () => complaints.push('the page crashed'));
  return complaints;
}
