import { parseArgs } from 'node:util';
import { describeHost } from './machine.js';
import { keep } from './results.js';
import { CLASS_NAMES, makeClasses } from './timing-classes.js';
import { isFound, isHeld, textOf, type Times } from './timing-report.js';

// `npm run bench:timing`: see README.md beside this file.

const HELP = `usage: npm run bench:timing -- [options]

Looks whether the time in which something does not open tells why it does not.
Exits with 1 when it does, with 2 when a planted delay was not found.

  --samples <n>   of each class (10000)
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;
const WARM_SAMPLES = 300;

const { values: options } = parseArgs({
  options: {
    samples: { type: 'string', default: '10000' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) process.stdout.write(HELP);
else await run(options);

async function run({ samples, write }: { samples: string; write: boolean }): Promise<void> {
  if (!/^[1-9][0-9]{1,6}$/.test(samples)) throw new Error('--samples takes a whole number from 10 to 9999999');
  process.stderr.write(`bench: ${samples} of each class, about ${Math.ceil(Number(samples) / 200)} s\n`);
  const report = {
    host: describeHost(),
    date: new Date().toISOString(),
    times: await measure(Number(samples)),
  };
  process.stdout.write(`\n${textOf(report)}`);
  if (write) keep('timing', textOf(report));
  process.exitCode = isFound(report) ? (isHeld(report) ? 0 : 1) : 2;
}

/** One opening at a time, the classes in random order. */
async function measure(samples: number): Promise<Times> {
  const classes = await makeClasses();
  const times = new Map(CLASS_NAMES.map((name) => [name, { cpu: [] as number[], clock: [] as number[] }]));
  for (let count = -WARM_SAMPLES; count < samples; count += 1) {
    for (const name of shuffled()) {
      const begun = { clock: process.hrtime.bigint(), cpu: process.cpuUsage() };
      await classes[name].open().catch(() => undefined);
      const { user, system } = process.cpuUsage(begun.cpu);
      const clock = Number(process.hrtime.bigint() - begun.clock) / 1000;
      if (count < 0) continue;
      times.get(name)?.cpu.push(user + system);
      times.get(name)?.clock.push(clock);
    }
  }
  return Object.fromEntries(times) as unknown as Times;
}

function shuffled() {
  return CLASS_NAMES.map((name) => ({ name, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name);
}
