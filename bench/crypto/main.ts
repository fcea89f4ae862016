import { parseArgs } from 'node:util';
import { describeHost } from '../machine.js';
import { keep } from '../results.js';
import { Child } from './children.js';
import { many } from './goals.js';
import { cellsOf, MANY, measureAll, SIZES, SMALL } from './measure.js';
import { installedPeers } from './peers.js';
import { limitOf, LETTER_WORK } from './ratios.js';
import { isHeld, type Report, textOf } from './report.js';
import { measureStream } from './streaming.js';
import { VARIANT_NAMES, type VariantName } from './variants.js';

// `npm run bench:crypto`: see README.md in bench/.

const HELP = `usage: npm run bench:crypto -- [options]

Measures sealing and opening beside OpenSSL's primitives and other libraries.
Exits with 1 when a goal is missed.

  --rounds <n>    how often each is measured (5)
  --seconds <n>   how long at a time, fractions allowed (0.4)
  --only <names>  ours and these, with commas between them, of
                  ${VARIANT_NAMES.slice(1).join(', ')}
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;
const HOLDING_CALLS = 200;
const PROFILING = { concurrency: MANY, seconds: 2 };
const LARGE = SIZES[2];

const options = readOptions();
if (options === undefined) process.stdout.write(HELP);
else await run(options);

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly names: readonly VariantName[];
  readonly write: boolean;
}

/** Undefined where help was asked for. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '0.4' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (!/^[1-9][0-9]{0,2}$/.test(values.rounds)) throw new Error('--rounds takes a whole number from 1 to 999');
  const seconds = Number(values.seconds);
  if (!(seconds >= 0.05 && seconds <= 60)) throw new Error('--seconds takes a number from 0.05 to 60');
  return { rounds: Number(values.rounds), seconds, names: namesOf(values.only), write: values.write };
}

function namesOf(only: string | undefined): VariantName[] {
  const wanted = only?.split(',') ?? VARIANT_NAMES;
  const unknown = wanted.filter((name) => !VARIANT_NAMES.some((one) => one === name));
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(', ')}`);
  return VARIANT_NAMES.filter((name) => name === 'letter' || wanted.includes(name));
}

async function run({ rounds, seconds, names, write }: Options): Promise<void> {
  const peers = installedPeers();
  const host = describeHost();
  const children = new Map<string, Child>();
  try {
    for (const name of names) {
      say(`${name}: seals, opens, refuses what it must`);
      children.set(name, await Child.start(name, SIZES));
    }
    children.set('parts', await Child.start('parts', [SMALL]));
    const found = await measureAll(children, cellsOf(names), { rounds, seconds, say });
    say('a profile, the event loop, a stream');
    const profiles: Report['profiles'][number][] = [];
    const letters = childOf(children, 'letter');
    for (const operation of ['seal', 'open', 'answer'] as const) {
      const profile = await letters.ask('profile', many('letter', operation, SMALL), PROFILING);
      profiles.push([operation, profile, 1_000_000 / limitOf(found, LETTER_WORK[operation](SMALL))]);
    }
    const report: Report = {
      host,
      date: new Date().toISOString(),
      rounds,
      seconds,
      names,
      peers,
      found,
      profiles,
      holdings: await holdingsOf(children),
      streamed: await measureStream(),
    };
    process.stdout.write(`\n${textOf(report)}`);
    if (write) keep('crypto', textOf(report));
    process.exitCode = isHeld(report) ? 0 : 1;
  } finally {
    for (const child of children.values()) child.stop();
  }
}

/** Of single calls, of what is ours and in the run. */
async function holdingsOf(children: ReadonlyMap<string, Child>): Promise<Report['holdings']> {
  const holdings: Report['holdings'][number][] = [];
  for (const name of ['letter', 'question'] as const) {
    if (!children.has(name)) continue;
    for (const operation of ['seal', 'open'] as const) {
      const subject = { operation, bytes: LARGE };
      const holding = await childOf(children, name).ask('holding', subject, { calls: HOLDING_CALLS });
      holdings.push([`${operation} a ${name}`, holding]);
    }
  }
  return holdings;
}

function childOf(children: ReadonlyMap<string, Child>, name: VariantName): Child {
  const child = children.get(name);
  if (child === undefined) throw new Error(`${name} was not started`);
  return child;
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
