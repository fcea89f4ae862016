import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceProcess } from '../../test/faults/service-process.js';
import { Connections } from '../client-connections.js';
import { closedLoop } from '../phases.js';
import { makeAll, type Maker } from '../requests.js';
import { asDeployed, type ServiceName, type World } from '../world.js';
import { answersWell, askWhatIsNotRecorded } from './checks.js';
import { NOT_RECORDED } from './recording.js';

/** So many are recorded; some of their statements come once for many requests, and the program is to be compiled. */
const RECORDED = 6_000;
const RECORDED_WITHIN_SECONDS = 60;
/** Chores come every three seconds while they are recorded. */
const CHORES_MS = 8_000;
const A_SECOND_MS = 1_100;
const CHECKED = 16;

/** A service whose database driver replays what was recorded: what a request costs without a database. */
export interface Floor {
  readonly service: ServiceProcess;
  /** Ends the process. @throws {Error} if what it answered was not replayed, or not well-formed */
  end(): Promise<FloorProof>;
}

/** What shows that the floor is one. */
export interface FloorProof {
  /** Connections that were made to its database, where nobody answers. */
  readonly connections: number;
  /** Statements without a recording, of requests or chores. */
  readonly notRecorded: readonly string[];
  /** Answers that were read and verified, before the load and after it. */
  readonly verified: number;
  /** Whether a request failed whose statements nobody had recorded. */
  readonly isControlFound: boolean;
}

/**
 * Records one process of a service at the world's database, and starts another that replays it.
 * @param clients that ask while it is recorded: how long a statement takes, and how many wait to go together, follows from it
 */
export async function startFloor(
  name: ServiceName,
  world: World,
  make: (url: string) => Maker,
  clients: number,
): Promise<Floor> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-floor-'));
  const recording = join(folder, 'recording');
  const trap = await openTrap();
  try {
    await record(await world.start(name, driver(name, 'record', recording)), make, clients);
    const settings = { ...driver(name, 'replay', recording), BULLA_DATABASE_URL: trap.url };
    const service = await world.start(name, settings);
    const verify = () => answersWell(name, service.url, world.ground, CHECKED);
    await verify();
    return {
      service,
      async end() {
        try {
          await verify();
          const notRecorded = missingIn(service);
          const isControlFound =
            (await askWhatIsNotRecorded(name, service.url, world.ground)) >= 500 &&
            missingIn(service).length > notRecorded.length;
          await service.stop();
          return { connections: trap.connections(), notRecorded, verified: 2 * CHECKED, isControlFound };
        } finally {
          await trap.close();
          await rm(folder, { recursive: true, force: true });
        }
      },
    };
  } catch (error) {
    await trap.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function record(service: ServiceProcess, make: (url: string) => Maker, clients: number): Promise<void> {
  const startMs = performance.now();
  const now = Math.floor(Date.now() / 1000);
  const requests = await makeAll(
    make(service.url),
    Array.from({ length: RECORDED }, () => now),
  );
  const connections = await Connections.open(service.port, clients);
  try {
    const load = { clients, seconds: RECORDED_WITHIN_SECONDS };
    const first = await closedLoop(connections, requests.slice(0, RECORDED / 2), load);
    // All of them may have come in one second: a statement that says which one it is would be known for that one alone.
    await pause(A_SECOND_MS);
    const second = await closedLoop(connections, requests.slice(RECORDED / 2), load);
    const accepted = first.accepted + second.accepted;
    if (accepted < RECORDED / 2)
      throw new Error(`only ${accepted} of ${RECORDED} requests were answered for the recording`);
  } finally {
    connections.close();
  }
  await pause(Math.max(0, CHORES_MS - (performance.now() - startMs)));
  // It writes the file when it ends.
  await service.stop();
}

function driver(name: ServiceName, mode: 'record' | 'replay', recording: string): Readonly<Record<string, string>> {
  const program = pathToFileURL(join(import.meta.dirname, 'driver.js'));
  program.searchParams.set('mode', mode);
  program.searchParams.set('recording', recording);
  return asDeployed(name, `--import=${program.href}`);
}

/** An address at which a database could be; nobody answers there, and who connects is counted. */
async function openTrap(): Promise<{ url: string; connections(): number; close(): Promise<void> }> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/none`,
    connections: () => count,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

function missingIn(service: ServiceProcess): string[] {
  const lines = service.output().split('\n');
  return lines.filter((line) => line.startsWith(NOT_RECORDED)).map((line) => line.slice(NOT_RECORDED.length + 1));
}
