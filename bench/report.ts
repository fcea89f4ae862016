import { type Figures, listed, type Spread, type Verdict, verdictsOf } from './figures.js';
import { FLOOR_BOUNDS, floorVerdicts } from './floor/verdicts.js';
import type { Machine } from './machine.js';
import type { Measured, Stretch, Target } from './measure.js';

export interface Report {
  readonly machine: Machine;
  readonly measured: readonly Measured[];
  readonly redis: boolean;
  readonly date: string;
}

/** Whether every service held every bound. */
export function isHeld({ measured }: Report): boolean {
  return measured.every((one) => verdicts(one).every(({ held }) => held));
}

/** Everything that was measured, as Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: Report): string {
  const { machine, measured, redis, date } = report;
  const { cpu, cores, node, postgres, openssl, signsPerSecond } = machine;
  return [
    '# Load',
    '',
    `${date.slice(0, 10)}. ${cpu}, ${cores} cores; Node ${node.slice(1)}, ${postgres}, Redis ${redis ? 'on' : 'off'}. Services, database and clients share the machine. Processor time is user and system of the service’s process; what the processes of PostgreSQL take of the same cores is in none of it.`,
    '',
    `${openssl}: ${signsPerSecond.toFixed(0)} RSA-2048 signatures a second on one core.`,
    ...measured.flatMap((one) => sectionOf(one, machine)),
    '',
  ].join('\n');
}

function sectionOf(one: Measured, machine: Machine): string[] {
  const { signsPerSecond } = machine;
  const { target, steps, peaks, floors, bare, bareRoute, half, peak, clients, memoryMiB } = one;
  const { serviceMs, floorMs, signMs } = costsOf(one);
  const { figures: overload, cores } = one.overload;
  const operations = peak * target.privateOperations;
  const title = target.name === 'vault' ? 'Vault: envelopes' : 'Responder: runs';
  return [
    '',
    `## ${title}`,
    '',
    '| clients, one request after the other | goodput | p50 | p95 | p99 |',
    '|---|---|---|---|---|',
    ...steps.map(({ clients: count, figures }) => `| ${count} | ${rate(figures)} | ${spread(figures.acceptedMs)} |`),
    '',
    `| under twice the peak: ${clients} connections, ${overload.seconds.toFixed(0)} s | |`,
    '|---|---|',
    `| peak goodput, ${peaks[0].clients} clients | ${peak.toFixed(0)}/s: ${peaks.map(({ figures }) => rate(figures)).join(' before, ')} after |`,
    `| offered | ${(overload.offered / overload.seconds).toFixed(0)}/s, ${overload.offered} requests |`,
    `| goodput | ${rate(overload)}, ${((overload.goodput / peak) * 100).toFixed(0)} % of the peak |`,
    `| accepted, p50 / p95 / p99 | ${spread(overload.acceptedMs, ' / ')} |`,
    `| refused | ${overload.refused} (${listed(overload.codes) || 'none'}) |`,
    `| refused, p50 / p95 / p99 | ${spread(overload.refusedMs, ' / ')} |`,
    `| answers by status | ${listed(overload.statuses)} |`,
    `| most memory at once | ${memoryMiB.toFixed(0)} MiB |`,
    `| cores busy | ${cores.service.toFixed(2)} service, ${cores.bench.toFixed(2)} clients |`,
    `| processor time of the service for each accepted | ${peaks.map(msEach).join(' and ')} at the peak, ${msEach(one.overload)} with the refusals |`,
    `| private-key operations at the peak | ${operations.toFixed(0)}/s, ${target.privateOperations} for each answer: ${(operations / signsPerSecond).toFixed(2)} of what OpenSSL does on one core |`,
    '',
    '| processor time for each accepted, beside the floor | |',
    '|---|---|',
    `| service, at the peak | ${serviceMs.toFixed(2)} ms: ${peaks.map(msEach).join(' and ')} |`,
    `| floor: the same service, whose driver replays recorded rows | ${floorMs.toFixed(2)} ms: ${floors.map(msEach).join(' and ')}, at ${floors.map(({ figures }) => rate(figures)).join(' and ')} |`,
    `| service / floor | ${(serviceMs / floorMs).toFixed(2)} |`,
    `| Node alone: its HTTP server, JSON, ${bareWork(target)} | ${bare.msEach.toFixed(2)} ms, ${(bare.msEach / signMs).toFixed(2)} signatures: the floor is ${(floorMs / bare.msEach).toFixed(2)} times that |`,
    `| the same as an empty route of the framework | ${bareRoute.msEach.toFixed(2)} ms, ${(bareRoute.msEach / signMs).toFixed(2)} signatures |`,
    `| one RSA-2048 signature by OpenSSL, right after each stretch of the floor | ${signMs.toFixed(3)} ms: the floor is ${(floorMs / signMs).toFixed(2)} of them |`,
    '',
    `| at half of the peak | |`,
    '|---|---|',
    `| offered | ${(half.offered / half.seconds).toFixed(0)}/s, ${half.offered} requests, answers by status ${listed(half.statuses)} |`,
    `| accepted, p50 / p95 / p99 | ${spread(half.acceptedMs, ' / ')} |`,
    '',
    ...verdicts(one).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
  ];
}

function verdicts(one: Measured): Verdict[] {
  const { overload, half, peak, target, memoryMiB, proof } = one;
  return [
    ...verdictsOf(overload.figures, peak, { [target.name]: memoryMiB }),
    ...floorVerdicts({ ...costsOf(one), p95Ms: half.acceptedMs.p95 }, proof, FLOOR_BOUNDS[target.name]),
  ];
}

function bareWork({ bare: { signs, verifies } }: Target): string {
  return `RSA-2048 (${signs} with a private key, ${verifies} with a public one)`;
}

function costsOf({ peaks, floors, signsPerSecond }: Measured) {
  const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;
  const [serviceMs, floorMs] = [peaks, floors].map((all) => mean(all.map(({ msEach: each }) => each)));
  const signMs = mean(signsPerSecond.map((count) => 1000 / count));
  return { serviceMs: serviceMs ?? Number.NaN, floorMs: floorMs ?? Number.NaN, signMs };
}

function msEach(stretch: Stretch): string {
  return `${stretch.msEach.toFixed(2)} ms`;
}

function rate({ goodput }: Figures): string {
  return `${goodput.toFixed(0)}/s`;
}

function spread({ p50, p95, p99 }: Spread, between = ' | '): string {
  return [p50, p95, p99].map((value) => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} ms`)).join(between);
}
