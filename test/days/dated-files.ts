/** Test files that run again on hard days. Those that {@link readsTheClock} finds have to be here or below. */
export const DATED_FILES: readonly string[] = [
  'packages/cli/src/inspection/certificate-inspection.test.ts',
  'packages/cli/src/inspection/inspection.test.ts',
  'packages/cli/src/inspection/vault-clock.test.ts',
  'packages/cli/src/output/key-screen.test.ts',
  'packages/client/test/audit-pruned.test.ts',
  'packages/service-kit/src/observe/trust-ends.test.ts',
  'packages/service-kit/test/audit-log-migration.test.ts',
  'packages/service-kit/test/audit-marks.test.ts',
  'packages/service-kit/test/audit-retention.test.ts',
  'packages/service-kit/test/audit-rows.test.ts',
  'services/responder/src/cosignature-problems.test.ts',
  'services/responder/src/replay/first-claim.test.ts',
  'services/responder/src/usage/usage-reports.test.ts',
  'services/vault/test/envelope-freshness.test.ts',
  'services/vault/test/envelopes.test.ts',
  'services/vault/test/key-ends.test.ts',
  'services/vault/test/key-tables.test.ts',
  'services/vault/test/plans.test.ts',
  'services/vault/test/served-tags.test.ts',
  'services/vault/test/usage.test.ts',
];

/** The same, which take too long for every run, or want more of the machine than is left beside others: in a long run alone. */
export const SLOW_DATED_FILES: readonly string[] = [
  'packages/service-kit/test/audit-routes.test.ts',
  'packages/service-kit/test/ledger.test.ts',
  'packages/service-kit/test/tls.test.ts',
  'services/vault/test/directory-freshness.test.ts',
  'services/vault/test/organisations.test.ts',
  'services/vault/test/problems-of-routes.test.ts',
  'test/faults/audit-tables-responder.test.ts',
  'test/faults/audit-tables-vault.test.ts',
];

const OWN_CLOCK = 'sets a clock of its own for what it starts, by libfaketime';
const PROCESSES = 'starts whole services or clusters, which do not take its clock, or for minutes';

/** Files that {@link readsTheClock} finds and that do not run again, each with the reason. */
export const NOT_AGAIN: Readonly<Record<string, string>> = {
  'packages/cli/test/several-sign.test.ts': PROCESSES,
  'packages/cli/test/up.test.ts': PROCESSES,
  'services/responder/src/replay/restore.test.ts': PROCESSES,
  'test/e2e/dumped-vault.test.ts': PROCESSES,
  'test/e2e/every-act.test.ts': OWN_CLOCK,
  'test/e2e/stolen-directory-key.test.ts': PROCESSES,
  'test/faults/clock.test.ts': OWN_CLOCK,
  'test/faults/clocks-apart.test.ts': OWN_CLOCK,
  'test/faults/kills-apart.test.ts': PROCESSES,
  'test/faults/kills-embedded.test.ts': PROCESSES,
  'test/faults/owners-clock.test.ts': OWN_CLOCK,
  'test/faults/replicas.test.ts': PROCESSES,
  'test/faults/rotation-killed.test.ts': PROCESSES,
  'test/faults/sixty-days.test.ts': OWN_CLOCK,
  'test/house/source-rules.test.ts': 'quotes what it looks for',
  'test/house/dated-files.test.ts': 'quotes what it looks for',
};

/** The present, asked of Node or of the database, and moments that a statement moves. */
const PRESENT = /(?<![\w.])Date\.now\(\)|new Date\(\)|(?<!\.)\bnow\(\)(?! \{)|clock_timestamp\(\)/;
const MOVED = /\binterval '|\bmake_interval\(/;
/** Hours, days, months or years away from it. */
const AWAY = /\b(HOUR|DAY|MONTH|YEAR)S?(_|\b)|86_400|\bmonths?\b/;

/** Whether a test goes by the true time, and by moments that are hours, days or months away from it. */
export function readsTheClock(text: string): boolean {
  return MOVED.test(text) || (PRESENT.test(text) && AWAY.test(text));
}
