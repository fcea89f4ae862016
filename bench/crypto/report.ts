import type { Verdict } from '../figures.js';
import type { Host } from '../machine.js';
import { type Measured, verdictsOf } from './goals.js';
import { CONCURRENCIES, MANY, SIZES, SMALL } from './measure.js';
import { type Part, PARTS } from './parts.js';
import type { Peer } from './peers.js';
import type { Profile } from './profile.js';
import { ANSWER_WORK, LETTER_WORK, limitOf, rateOf, ratioOf, shareOf } from './ratios.js';
import { VARIANTS, type VariantName } from './variants.js';

export interface Report extends Measured {
  readonly host: Host;
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly names: readonly VariantName[];
  readonly peers: readonly Peer[];
  /** Of letters, by what was done. */
  readonly profiles: readonly (readonly [what: string, profile: Profile, limitMicroseconds: number])[];
}

/** Whether every goal was held. */
export function isHeld(report: Report): boolean {
  return verdictsOf(report).every(({ held }) => held);
}

/** Everything that was measured, as Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: Report): string {
  const { host, date, rounds, seconds, peers, names } = report;
  return [
    '# Crypto',
    '',
    `${date.slice(0, 10)}. ${host.cpu}, ${host.cores} cores; Node ${host.node.slice(1)} (OpenSSL ${process.versions.openssl}), as many threads in each pool; ${host.openssl} for the primitives. Each figure is the median of ${rounds} × ${seconds} s, all variants after each other in each round.`,
    '',
    'Operations for each second of processor time of all threads. In brackets: how many times as many letters are done in that time, so above 1 ours is faster; for OpenSSL it is the part of its limit that a letter reaches.',
    ...SIZES.flatMap((bytes) => tableOf(report, bytes)),
    ...answersOf(report),
    ...partsOf(report),
    ...profilesOf(report),
    ...holdingsOf(report),
    '',
    '## What is compared with what',
    '',
    ...names.map((name) => `- ${VARIANTS[name].title}: ${VARIANTS[name].note}`),
    '',
    `Peers: ${peers.map(({ name, version, licence }) => `${name} ${version} (${licence})`).join(', ')}.`,
    '',
    '## Goals',
    '',
    ...verdictsOf(report).map(lineOf),
    '',
  ].join('\n');
}

function tableOf({ found, names }: Report, bytes: number): string[] {
  const columns = (['seal', 'open'] as const).flatMap((operation) =>
    CONCURRENCIES.map((concurrency) => ({ operation, bytes, concurrency })),
  );
  const row = (name: VariantName) => {
    const cells = columns.map((column) => {
      const cell = { name, ...column };
      const ratio = name === 'letter' ? '' : ` (${ratioOf(found, { ...cell, name: 'letter' }, cell).toFixed(2)})`;
      return `${count(rateOf(found, cell))}${ratio}`;
    });
    return `| ${[VARIANTS[name].title, ...cells].join(' | ')} |`;
  };
  const openssl = columns.map((column) => {
    const work = LETTER_WORK[column.operation](bytes);
    return `${count(limitOf(found, work))} (${shareOf(found, { name: 'letter', ...column }, work).toFixed(2)})`;
  });
  return [
    '',
    `## ${bytes / 1024} KiB`,
    '',
    `| | ${columns.map(({ operation, concurrency }) => `${operation}, ${concurrency} at once`).join(' | ')} |`,
    `|---|${'---|'.repeat(columns.length)}`,
    `| OpenSSL, sum of the primitives | ${openssl.join(' | ')} |`,
    ...names.map(row),
  ];
}

function answersOf({ found, names }: Report): string[] {
  const rows = [
    ['letter', 'Letter: open, verify, sign, seal', LETTER_WORK.answer(SMALL)],
    ['question', 'Question: open, verify, sign the answer and seal it under the secret of the question', ANSWER_WORK],
  ] as const;
  return [
    '',
    '## Open and seal, 1 KiB',
    '',
    `| | ${CONCURRENCIES.map((concurrency) => `${concurrency} at once | of OpenSSL's sum`).join(' | ')} |`,
    `|---|${'---|'.repeat(2 * CONCURRENCIES.length)}`,
    ...rows
      .filter(([name]) => names.includes(name))
      .map(([name, title, work]) => {
        const cells = CONCURRENCIES.flatMap((concurrency) => {
          const cell = { name, operation: 'answer', bytes: SMALL, concurrency };
          return [count(rateOf(found, cell)), shareOf(found, cell, work).toFixed(2)];
        });
        return `| ${[title, ...cells].join(' | ')} |`;
      }),
  ];
}

function partsOf({ found }: Report): string[] {
  return [
    '',
    `## The parts of the product's path, a prompt of 1 KiB, ${MANY} at once`,
    '',
    "| | a second | of OpenSSL's sum | what that counts |",
    '|---|---|---|---|',
    ...(Object.keys(PARTS) as Part[]).map((operation) => {
      const cell = { name: 'parts', operation, bytes: SMALL, concurrency: MANY } as const;
      const work = PARTS[operation](SMALL);
      const counted = Object.entries(work).map(([name, times]) =>
        times > 9 ? `${name} ${times} B` : `${times} ${name}`,
      );
      return `| ${operation} | ${count(rateOf(found, cell))} | ${shareOf(found, cell, work).toFixed(2)} | ${counted.join(', ')} |`;
    }),
  ];
}

function profilesOf({ profiles }: Report): string[] {
  return profiles.flatMap(([what, profile, limit]) => [
    '',
    `## Where the time of a letter goes: ${what}, 1 KiB, ${MANY} at once`,
    '',
    `${us(profile.microseconds)} each, ${us(limit)} of which OpenSSL's primitives would take. ${us(profile.otherThreads)} in the pool and other threads; of the thread that runs JavaScript:`,
    '',
    ...profile.owners.filter(([, took]) => took >= 0.5).map(([owner, took]) => `- ${us(took)} ${owner}`),
    '',
    `Most of it in ${profile.functions.map(([name, took]) => `\`${name}\` ${us(took)}`).join(', ')}.`,
  ]);
}

function holdingsOf({ holdings, streamed }: Report): string[] {
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  return [
    '',
    '## How long one call of 64 KiB holds the event loop, and what a stream takes',
    '',
    '| | median | worst, processor time | worst, by the clock | calls |',
    '|---|---|---|---|---|',
    ...holdings.map(
      ([what, { median, worst, worstByClock, calls }]) =>
        `| ${what} | ${ms(median)} | ${ms(worst)} | ${ms(worstByClock)} | ${calls} |`,
    ),
    '',
    `${streamed.mib} MiB sealed and opened as a stream in ${streamed.seconds.toFixed(1)} s, with ${streamed.growthMiB.toFixed(0)} MiB of memory beyond what the process had. A run that kept 192 MiB on purpose took ${streamed.keptGrowthMiB.toFixed(0)} MiB.`,
  ];
}

function lineOf({ what, held }: Verdict): string {
  return `- ${held ? 'held' : '**missed**'}: ${what}`;
}

function count(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(0);
}

function us(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} µs`;
}
