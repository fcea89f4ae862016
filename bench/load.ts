import { parseArgs } from 'node:util';
import { startFloor } from './floor/floor.js';
import { describeMachine, type Machine } from './machine.js';
import { type LoadOptions, type Measured, measure, type Target } from './measure.js';
import { isHeld, type Report, textOf } from './report.js';
import { envelopeRequests, runRequests } from './requests.js';
import { keep } from './results.js';
import { startWorld, type World } from './world.js';

// `npm run bench:load`: see README.md beside this file.

const HELP = `usage: npm run bench:load -- [options]

Measures what a vault and a responder can do, what each takes of the processor beside
the same service without a database, then offers each half of it and twice as much.
Exits with 1 when a bound is missed.

  --seconds <n>   how long each load is offered at most (60)
  --clients <n>   connections over which it is offered (2000)
  --only <name>   vault or responder, not both
  --redis <url>   count requests in this Redis instead of in each process
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;
const NAMES = ['vault', 'responder'] as const;
/** About as long as what is in an answer beside what is known before. */
const [ENVELOPE_BYTES, REPLY_BYTES] = [1_300, 3_000];

/** What is asked now. */
let world: World | undefined;

const options = readOptions();
if (options === undefined) process.stdout.write(HELP);
else await run(options);

interface Options {
  readonly seconds: number;
  readonly clients: number;
  readonly names: readonly Target['name'][];
  readonly redis: string | undefined;
  readonly write: boolean;
}

/** Undefined where help was asked for. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      clients: { type: 'string', default: '2000' },
      only: { type: 'string' },
      redis: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: wholeNumber('--seconds', values.seconds),
    clients: wholeNumber('--clients', values.clients),
    names: NAMES.filter((name) => values.only === undefined || values.only === name),
    redis: values.redis,
    write: values.write,
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new Error(`${name} takes a whole number from 1 to 99999`);
  return Number(text);
}

async function run({ names, redis, write, ...load }: Options): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void Promise.resolve(world?.stop()).finally(() => process.exit(130)));
  }
  const measured: Measured[] = [];
  let machine: Machine | undefined;
  for (const name of names) {
    const found = await measureAlone(name, redis, load);
    machine ??= found.machine;
    measured.push(found.measured);
  }
  if (machine === undefined) throw new Error('nothing was measured: --only takes vault or responder');
  const report: Report = { machine, measured, redis: redis !== undefined, date: new Date().toISOString() };
  process.stdout.write(`\n${textOf(report)}`);
  if (write) keep('load', textOf(report));
  process.exitCode = isHeld(report) ? 0 : 1;
}

/** In a world of its own: a vault that issued a hundred thousand envelopes goes on clearing up while others are asked. */
async function measureAlone(
  name: Target['name'],
  redis: string | undefined,
  load: Omit<LoadOptions, 'say'>,
): Promise<{ readonly machine: Machine; readonly measured: Measured }> {
  const asked = await startWorld(redis === undefined ? {} : { BULLA_REDIS_URL: redis });
  world = asked;
  try {
    say(`on ${asked.databaseFrom}`);
    const machine = await describeMachine(asked.databaseUrl);
    const target = targetOf(name, asked);
    const { make } = target;
    const floor = (clients: number) => startFloor(name, asked, make, clients);
    return { machine, measured: await measure(target, { ...load, startFloor: floor, say }) };
  } finally {
    await asked.stop();
  }
}

function targetOf(name: Target['name'], { vault, responder, ground }: World): Target {
  if (name === 'vault') {
    // It signs the envelope; the answer is not signed, since the envelope is. The request is signed, and so is each tag.
    const { content, grant } = ground.prompt;
    const answerBytes = [content, grant, ...ground.tags].reduce((sum, { length }) => sum + length, ENVELOPE_BYTES);
    const bare = { signs: 1, verifies: 1 + ground.tags.length, answerBytes };
    return { name, service: vault, make: (url) => envelopeRequests(url, ground), privateOperations: 1, bare };
  }
  // It opens the question and signs the end of the answer; the key of a prompt is opened once and kept for a while. Signed
  // are the request, the envelope, the statement, the question, and each tag.
  const bare = { signs: 2, verifies: 4 + ground.tags.length, answerBytes: REPLY_BYTES };
  return { name, service: responder, make: (url) => runRequests(url, ground), privateOperations: 2, bare };
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
