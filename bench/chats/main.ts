import { parseArgs } from 'node:util';
import { makeOrganisation } from '@bulla/crypto/testing';
import { describeMachine } from '../machine.js';
import { keep } from '../results.js';
import { startWorld } from '../world.js';
import { compareChats } from './costs.js';
import { type ChatsReport, textOf, verdictsOf } from './report.js';
import { measureStreams } from './streams.js';

// `npm run bench:chats`: see README.md of the benches.

const HELP = `usage: npm run bench:chats -- [options]

What a chat takes of vault and responder beside a run of a stored prompt, and what
a chunk of a stream takes. Exits with 1 when a bound is missed.

  --seconds <n>   how long each kind is asked at a time (6)
  --write         keep what was found in bench/RESULTS.md
  --help          this text
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  if (!/^[1-9][0-9]{0,3}$/.test(values.seconds)) throw new Error('--seconds takes a whole number from 1 to 9999');
  const organisation = await makeOrganisation({ policy: { chat: ['grp:support'] } });
  const world = await startWorld({}, organisation);
  try {
    const machine = await describeMachine(world.databaseUrl);
    const costs = await compareChats(world, Number(values.seconds), say);
    const streams = await measureStreams(world, say);
    const report: ChatsReport = { machine, date: new Date().toISOString(), costs, streams };
    process.stdout.write(`\n${textOf(report)}`);
    if (values.write) keep('chats', textOf(report));
    process.exitCode = verdictsOf(report).every(({ held }) => held) ? 0 : 1;
  } finally {
    await world.stop();
  }
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
