import type { Verdict } from '../figures.js';
import type { Machine } from '../machine.js';
import type { CustodyCosts } from './custody.js';
import type { GrantsMoved } from './grants.js';
import type { RotationCosts } from './rotation.js';

/** Of what one core decrypts. */
const MOVED_MIN = 0.45;
const REWRAPPED_MIN = 2_000;
/** How many times as long an envelope may take while a KEK is rotated. */
const P95_MAX = 1.5;
/** What two measurements of the same differ by. */
const SAME = 1.05;

/** What was measured; undefined for what was not asked for. */
export interface KeysReport {
  readonly machine: Machine;
  readonly date: string;
  readonly grants: GrantsMoved | undefined;
  readonly custody: CustodyCosts | undefined;
  readonly rotation: RotationCosts | undefined;
}

/** Everything that was measured, as Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: KeysReport): string {
  const { machine, date, grants, custody, rotation } = report;
  const { cpu, cores, node, postgres } = machine;
  return [
    '# Keys',
    '',
    `${date.slice(0, 10)}. ${cpu}, ${cores} cores; Node ${node.slice(1)}, ${postgres}. Services, database and clients share the machine.`,
    '',
    '| | |',
    '|---|---|',
    ...(grants === undefined ? [] : grantsOf(grants)),
    ...(custody === undefined ? [] : custodyOf(custody)),
    ...(rotation === undefined ? [] : rotationOf(rotation)),
    '',
    ...verdictsOf(report).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
    '',
  ].join('\n');
}

/** What is asked of each part that was measured. */
export function verdictsOf({ grants, custody, rotation }: KeysReport): Verdict[] {
  const verdicts: Verdict[] = [];
  if (grants !== undefined) {
    const ratio = grants.moved / grants.decrypts;
    const what = `a responder moves at least ${MOVED_MIN} of the grants that one core decrypts (${ratio.toFixed(2)})`;
    verdicts.push({ what, held: ratio >= MOVED_MIN });
  }
  if (custody !== undefined) {
    const ratio = custody.managed / custody.sealed;
    const what = `an envelope of a managed name costs no more than one of a sealed name (${ratio.toFixed(2)}, within ${SAME})`;
    verdicts.push({ what, held: ratio <= SAME });
  }
  if (rotation !== undefined) {
    const { alone, quiet, busy } = rotation;
    const ratio = busy.acceptedMs.p95 / quiet.acceptedMs.p95;
    verdicts.push(
      {
        what: `a rotation alone rewraps at least ${REWRAPPED_MIN} data keys a second (${alone.toFixed(0)})`,
        held: alone >= REWRAPPED_MIN,
      },
      {
        what: `p95 of issuing is at most ${P95_MAX} times as long during a rotation (${ratio.toFixed(2)})`,
        held: ratio <= P95_MAX,
      },
      {
        what: `no envelope is refused meanwhile (${quiet.refused + busy.refused})`,
        held: quiet.refused + busy.refused === 0,
      },
    );
  }
  return verdicts;
}

function grantsOf({ decrypts, moved }: GrantsMoved): string[] {
  return [
    `| RSA-2048 decryptions of one core | ${decrypts.toFixed(0)} a second |`,
    `| grants that a responder moves to a newer key, vault included | ${moved.toFixed(0)} a second |`,
  ];
}

function custodyOf({ sealed, managed, peak }: CustodyCosts): string[] {
  return [
    `| processor time of the vault for an envelope of a sealed name | ${sealed.toFixed(2)} ms, at ${peak.toFixed(0)} a second |`,
    `| the same of a managed name whose grant is stored | ${managed.toFixed(2)} ms |`,
  ];
}

function rotationOf({ keys, alone, perSecond, quiet, busy, meanwhile }: RotationCosts): string[] {
  const spread = ({ acceptedMs: { p50, p95, p99 } }: typeof quiet) =>
    [p50, p95, p99].map((ms) => `${ms.toFixed(0)} ms`).join(' / ');
  return [
    `| data keys under a KEK | ${keys} |`,
    `| rewrapped alone | ${alone.toFixed(0)} a second |`,
    `| envelopes asked for | ${perSecond.toFixed(0)} a second |`,
    `| p50 / p95 / p99 without a rotation | ${spread(quiet)} |`,
    `| during rotations, one after the other | ${spread(busy)} |`,
    `| rewrapped meanwhile | ${meanwhile.toFixed(0)} a second |`,
  ];
}
