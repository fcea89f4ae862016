import { pageTasks } from './page-tasks.js';
import { tasks } from './tasks.js';

/** What the script of the page offers to its driver: text in, text out, for any handling of values by the driver. */
export interface PageGlobal {
  run(task: string, input: string): Promise<string>;
}

const all: Readonly<Record<string, (input: never) => Promise<unknown>>> = { ...tasks, ...pageTasks };
const bulla: PageGlobal = {
  async run(task, input) {
    const run = all[task];
    if (run === undefined) throw new Error(`the page has no task ${task}`);
    return JSON.stringify((await run(JSON.parse(input) as never)) ?? null);
  },
};
Object.assign(globalThis, { bulla });
