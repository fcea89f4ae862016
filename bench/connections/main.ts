import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeHost } from '../machine.js';
import { peakMemoryMiB } from '../memory.js';
import { documentRequests, envelopeRequests, runRequests } from '../requests.js';
import { keep } from '../results.js';
import { startWorld, type World } from '../world.js';
import { askOverOpen } from './open-connections.js';
import { holdStreams } from './open-streams.js';
import { type ConnectionsReport, textOf, verdictsOf } from './report.js';
import type { OpenStretch } from './verdicts.js';

// `npm run bench:connections`: see README.md of the benches.

const HELP = `usage: npm run bench:connections -- [options]

Keeps connections open at a vault and a responder and asks over them, then keeps
streams open at one responder. Exits with 1 when a bound is missed.

  --connections <n>  open at one service at a time (10000)
  --rate <n>         requests a second, unless half of the peak is less (1000)
  --seconds <n>      how long is asked for each kind of request (120)
  --streams <n>      open at once (2000)
  --only <name>      documents, envelopes, runs or streams
  --write            keep what was found in bench/RESULTS.md
  --help             this text

Each process needs a file for each connection: a hard limit of the open files
(ulimit -Hn) of at least the connections, or twice the streams, and 500 more.
`;
const KINDS = ['documents', 'envelopes', 'runs', 'streams'] as const;
type Kind = (typeof KINDS)[number];
/** What a process has open beside its connections. */
const FILES_BESIDE = 500;

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '120' },
    streams: { type: 'string', default: '2000' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  const kinds = KINDS.filter((kind) => values.only === undefined || values.only === kind);
  if (kinds.length === 0) throw new Error(`--only takes one of ${KINDS.join(', ')}`);
  const connections = wholeNumber('--connections', values.connections);
  const streams = wholeNumber('--streams', values.streams);
  const perSecond = wholeNumber('--rate', values.rate);
  const seconds = wholeNumber('--seconds', values.seconds);
  requireFiles(Math.max(connections, 2 * streams) + FILES_BESIDE);
  const world = await startWorld({});
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void world.stop().finally(() => process.exit(130)));
  }
  try {
    say(`on ${world.databaseFrom}`);
    const stretches: OpenStretch[] = [];
    for (const kind of kinds) {
      if (kind === 'streams') continue;
      stretches.push(await askOverOpen({ ...targetOf(kind, world), connections, perSecond, seconds, say }));
    }
    const memory = { vault: memoryOf(world, 'vault'), responder: memoryOf(world, 'responder') };
    const held = kinds.includes('streams') ? await holdStreams(world, { streams, say }) : undefined;
    const report: ConnectionsReport = {
      host: describeHost(),
      date: new Date().toISOString(),
      stretches,
      streams: held?.stretch,
      memoryMiB: held === undefined ? memory : { ...memory, 'responder with streams': held.memoryMiB },
    };
    process.stdout.write(`\n${textOf(report)}`);
    if (values.write) keep('connections', textOf(report));
    process.exitCode = verdictsOf(report).every((one) => one.held) ? 0 : 1;
  } finally {
    await world.stop();
  }
}

function targetOf(kind: Exclude<Kind, 'streams'>, { vault, responder, ground }: World) {
  if (kind === 'documents') {
    return { what: 'the directory, by anybody', port: vault.port, make: documentRequests(vault.url, ground) };
  }
  if (kind === 'envelopes') {
    return { what: 'envelopes', port: vault.port, make: envelopeRequests(vault.url, ground) };
  }
  return { what: 'runs', port: responder.port, make: runRequests(responder.url, ground) };
}

function memoryOf(world: World, name: 'vault' | 'responder'): number {
  return peakMemoryMiB(world[name].child.pid ?? 0);
}

/** @throws {Error} where a process may not have so many files open; Node raises its own limit as far as it may */
function requireFiles(files: number): void {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  if (hard === 'unlimited' || Number(hard) >= files) return;
  throw new Error(
    `a process may have ${hard} files open here and needs ${files}: raise the limit (prlimit --pid $$ --nofile=${files}:${files}, as root) or ask for fewer with --connections and --streams`,
  );
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new Error(`${name} takes a whole number from 1 to 99999`);
  return Number(text);
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
