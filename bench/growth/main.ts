import { parseArgs } from 'node:util';
import { Connections } from '../client-connections.js';
import { percentile } from '../figures.js';
import { describeMachine } from '../machine.js';
import { makeAll } from '../requests.js';
import { keep } from '../results.js';
import { OPERATIONS, type Operation } from './operations.js';
import { type Grown, type GrowthReport, textOf, verdictsOf } from './report.js';
import { type SizedVault, startSizedVault } from './sized-vault.js';

// `npm run bench:growth`: see README.md of the benches.

const HELP = `usage: npm run bench:growth -- [options]

Asks vaults with few prompts and with many for the same, in turns. Exits with 1
when something takes longer the more prompts there are.

  --sizes <n,…>    prompts of each vault, ascending (1000,100000,1000000)
  --requests <n>   of each operation at each size (300)
  --write          keep what was found in bench/RESULTS.md
  --help           this text

A million prompts take five gigabytes of disk and some minutes to make.
`;
/** So many are asked of one vault before it is the turn of the next. */
const TURN = 10;
/** Not counted: programs are compiled, statements prepared. */
const WARM_UP = 30;
const CONTROL = `select count(*) from vault.prompt where type = 'chat'`;

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    requests: { type: 'string', default: '300' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run(sizesOf(values.sizes), wholeNumber('--requests', values.requests));

async function run(sizes: readonly number[], requests: number): Promise<void> {
  const vaults: SizedVault[] = [];
  const stop = async () => {
    for (const vault of vaults.splice(0)) await vault.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  }
  try {
    for (const size of sizes) {
      say(`filling a vault with ${size} prompts`);
      vaults.push(await startSizedVault(size));
    }
    const operations: Grown[] = [];
    for (const operation of OPERATIONS) {
      operations.push(await measure(operation, vaults, requests));
      say(
        `${operation.name}: ${operations
          .at(-1)
          ?.medians.map((ms) => `${ms.toFixed(2)} ms`)
          .join(', ')}`,
      );
    }
    const control = await measureControl(vaults);
    const [first] = vaults;
    if (first === undefined) throw new Error('there is no size');
    const machine = await describeMachine(first.databaseUrl);
    const report: GrowthReport = { machine, date: new Date().toISOString(), sizes, operations, control };
    process.stdout.write(`\n${textOf(report)}`);
    if (values.write) keep('growth', textOf(report));
    process.exitCode = verdictsOf(report).every(({ held }) => held) ? 0 : 1;
  } finally {
    await stop();
  }
}

/** Asks all vaults in turns, so that a busy moment slows them alike. */
async function measure({ name, make }: Operation, vaults: readonly SizedVault[], requests: number): Promise<Grown> {
  const makers = vaults.map((vault) => make(vault));
  const connections = await Promise.all(vaults.map(({ service }) => Connections.open(service.port, 1)));
  const taken: number[][] = vaults.map(() => []);
  let failures = 0;
  try {
    for (let asked = -WARM_UP; asked < requests; asked += TURN) {
      for (const [index, maker] of makers.entries()) {
        const now = Math.floor(Date.now() / 1000);
        const made = await makeAll(
          maker,
          Array.from({ length: TURN }, () => now),
        );
        for (const request of made) {
          const outcome = await connections[index]?.send(request);
          if (outcome === undefined || outcome.status < 200 || outcome.status > 299) failures++;
          else if (asked >= 0) taken[index]?.push(outcome.latencyMs);
        }
      }
    }
  } finally {
    for (const one of connections) one.close();
  }
  return { name, medians: taken.map(medianOf), failures };
}

async function measureControl(vaults: readonly SizedVault[]): Promise<Grown> {
  const taken: number[][] = vaults.map(() => []);
  for (let asked = 0; asked < WARM_UP; asked++) {
    for (const [index, { database }] of vaults.entries()) {
      const startMs = performance.now();
      await database.query(CONTROL);
      taken[index]?.push(performance.now() - startMs);
    }
  }
  return { name: 'control', medians: taken.map(medianOf), failures: 0 };
}

function medianOf(taken: readonly number[]): number {
  return percentile(
    taken.toSorted((one, other) => one - other),
    0.5,
  );
}

function sizesOf(text: string): number[] {
  const sizes = text.split(',').map((size) => Number(size));
  const isAscending = sizes.every((size, at) => Number.isInteger(size) && size > (sizes[at - 1] ?? 99));
  if (sizes.length < 2 || !isAscending) {
    throw new Error('--sizes takes at least two whole numbers from 100 on, ascending, with commas between them');
  }
  return sizes;
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new Error(`${name} takes a whole number from 1 to 99999`);
  return Number(text);
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
