import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.js';
import { keep } from '../results.js';
import { startWorld } from '../world.js';
import { measureAddedTime } from './added-time.js';
import { measureIdleStreams } from './idle-streams.js';
import { organisationOnPort } from './proxy-world.js';
import { type ProxyReport, textOf, verdictsOf } from './report.js';

// `npm run bench:proxy`: see README.md of the benches.

const HELP = `usage: npm run bench:proxy -- [options]

What the proxy adds to a call of a model server that is asked directly in the same
run, and what it holds of streams. Exits with 1 when a bound is missed.

  --streams <n>   streams that are open at once (1000)
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '1000' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  if (!/^[1-9][0-9]{0,3}$/.test(values.streams)) throw new Error('--streams takes a whole number from 1 to 9999');
  const { organisation, port } = await organisationOnPort();
  const world = await startWorld({}, organisation);
  try {
    const machine = await describeMachine(world.databaseUrl);
    const added = await measureAddedTime(world, port, say);
    const idle = await measureIdleStreams(world, port, Number(values.streams), say);
    const report: ProxyReport = { machine, date: new Date().toISOString(), added, idle };
    process.stdout.write(`\n${textOf(report)}`);
    if (values.write) keep('proxy', textOf(report));
    process.exitCode = verdictsOf(report).every(({ held }) => held) ? 0 : 1;
  } finally {
    await world.stop();
  }
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
