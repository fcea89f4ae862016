import { parseArgs } from 'node:util';
import { databaseForTest, startTestPostgres } from '@bulla/testkit';
import { describeMachine } from '../machine.js';
import { keep } from '../results.js';
import { compareCustody, type CustodyCosts } from './custody.js';
import { moveGrants } from './grants.js';
import { startManagedWorld } from './managed-world.js';
import { type KeysReport, textOf, verdictsOf } from './report.js';
import { rotateUnderLoad, type RotationCosts } from './rotation.js';

// `npm run bench:keys`: see README.md of the benches.

const HELP = `usage: npm run bench:keys -- [options]

How fast a responder moves its grants to a newer key, what an envelope of a managed
name costs, and what the rotation of a KEK does to those who ask for envelopes.
Exits with 1 when a bound is missed.

  --only <name>   grants, custody or rotation (which measures custody first)
  --grants <n>    grants that are moved (4096)
  --keys <n>      data keys under the KEK that is rotated (20000)
  --seconds <n>   how long each load is offered (15)
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;
const PARTS = ['grants', 'custody', 'rotation'] as const;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    grants: { type: 'string', default: '4096' },
    keys: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '15' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  if (values.only !== undefined && !PARTS.some((part) => part === values.only))
    throw new Error(`--only takes one of ${PARTS.join(', ')}`);
  const isAsked = (...parts: readonly string[]) => values.only === undefined || parts.includes(values.only);
  const machine = await machineHere();
  const grants = isAsked('grants') ? await moveGrants(wholeNumber('--grants', values.grants), say) : undefined;
  const managed = isAsked('custody', 'rotation') ? await measureManaged(isAsked('rotation')) : {};
  const { custody, rotation } = { custody: undefined, rotation: undefined, ...managed };
  const report: KeysReport = { machine, date: new Date().toISOString(), grants, custody, rotation };
  process.stdout.write(`\n${textOf(report)}`);
  if (values.write) keep('keys', textOf(report));
  process.exitCode = verdictsOf(report).every(({ held }) => held) ? 0 : 1;
}

async function measureManaged(
  rotates: boolean,
): Promise<{ custody: CustodyCosts; rotation: RotationCosts | undefined }> {
  const seconds = wholeNumber('--seconds', values.seconds);
  const keys = wholeNumber('--keys', values.keys);
  const world = await startManagedWorld();
  try {
    const custody = await compareCustody(world, Math.min(seconds, 6), say);
    if (!rotates) return { custody, rotation: undefined };
    return { custody, rotation: await rotateUnderLoad(world, { keys, perSecond: custody.peak / 2, seconds, say }) };
  } finally {
    await world.stop();
  }
}

async function machineHere() {
  const database = await databaseForTest({ startOwn: () => startTestPostgres({ settings: { fsync: 'on' } }) });
  try {
    if (database.url === undefined) throw new Error('there is no PostgreSQL: none answers, none is installed');
    return await describeMachine(database.url);
  } finally {
    await database.drop();
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new Error(`${name} takes a whole number from 1 to 999999`);
  return Number(text);
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
