/** What the test kit takes from the environment; everything else is an argument. */
export interface TestSettings {
  /** A PostgreSQL server for tests, as a URL whose user may create databases. */
  readonly databaseUrl: string | undefined;
  /** Folders to look for programs in: `initdb`, `postgres`, `chromium`. */
  readonly path: readonly string[];
  /** Which of Jest's workers this is, from 1; 0 elsewhere. */
  readonly worker: number;
  /** What decides the choices of this run. */
  readonly seed: number | undefined;
  /** Whether everything is tried, however long it takes. */
  readonly long: boolean;
  /** What the parent process has prepared for this run, as test-run.ts writes it. */
  readonly run: string | undefined;
}

/** Not `BULLA_…`: the services that tests start refuse names of that kind which they do not know. */
const RUN = 'TESTKIT_RUN';

/** @throws {Error} if the seed is no whole number */
export function readTestSettings(environment: NodeJS.ProcessEnv = process.env): TestSettings {
  return {
    databaseUrl: environment['BULLA_TEST_DATABASE_URL'] || undefined,
    path: (environment['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    worker: Number(environment['JEST_WORKER_ID'] ?? 0),
    seed: environment['BULLA_TEST_SEED'] ? wholeNumber(environment['BULLA_TEST_SEED']) : undefined,
    long: environment['BULLA_TEST_LONG'] === '1',
    run: environment[RUN],
  };
}

/** Tells this process, and those that it starts from now on, what was prepared for them; undefined takes it back. */
export function writeRunSetting(run: string | undefined, environment: NodeJS.ProcessEnv = process.env): void {
  if (run === undefined) delete environment[RUN];
  else environment[RUN] = run;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new Error('BULLA_TEST_SEED is no whole number');
  return number;
}
