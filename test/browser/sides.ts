import type { Outcome, Peer } from '@bulla/conformance';
import { startChromium, type TestPage } from '@bulla/testkit/chromium';
import { bundleForBrowser } from './bundle.js';
import type { PageGlobal } from './page.js';
import { type PageServer, startPageServer } from './page-server.js';
import type { PageTasks } from './page-tasks.js';
import { type Tasks, tasks } from './tasks.js';

type Run<All> = <Name extends keyof All & string>(
  task: Name,
  input: All[Name] extends (input: infer Input) => unknown ? Input : never,
) => Promise<All[Name] extends (...input: never[]) => Promise<infer Made> ? Made : never>;

/** One of the two that do the same: Node, or a page in Chromium. */
export interface Side<All = Tasks> {
  /** Has it do something, with plain JSON both ways. */
  readonly run: Run<All>;
  /** The same as an implementation of the formats. */
  readonly peer: Peer;
}

/** The page of a test file, and what belongs to it. */
export interface ChromiumSide extends Side<Tasks & PageTasks> {
  readonly server: PageServer;
  /** What the page's console said; a test expects nothing. */
  readonly complaints: TestPage['complaints'];
  stop(): Promise<void>;
}

export const node: Side = sideOf(async (task, input) => {
  const run = tasks[task as keyof Tasks] as (input: unknown) => Promise<unknown>;
  return JSON.stringify((await run(JSON.parse(input))) ?? null);
});

/** Bundles the library for browsers, serves it to a Chromium of our own and opens the page. */
export async function startChromiumSide(): Promise<ChromiumSide> {
  const { text } = await bundleForBrowser(`import './page.js';`);
  const server = await startPageServer(text);
  const chromium = await startChromium().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  const { page, complaints } = await chromium.open(server.url);
  const side = sideOf<Tasks & PageTasks>((task, input) =>
    page.evaluate(([name, json]) => (globalThis as unknown as { bulla: PageGlobal }).bulla.run(name, json), [
      task,
      input,
    ] as const),
  );
  return {
    ...side,
    server,
    complaints,
    async stop() {
      await chromium.stop();
      await server.stop();
    },
  };
}

function sideOf<All extends Tasks>(runText: (task: string, input: string) => Promise<string>): Side<All> {
  const run = async (task: string, input: unknown) => JSON.parse(await runText(task, JSON.stringify(input))) as unknown;
  return {
    run: run as Run<All>,
    peer: { ask: (op, format, input) => run('ask', { op, format, input }) as Promise<Outcome> },
  };
}
