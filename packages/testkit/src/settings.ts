/** What the test kit takes from the environment; everything else is an argument. */
export interface TestSettings {
  /** A PostgreSQL server for tests, as a URL whose user may create databases. */
  readonly databaseUrl: string | undefined;
  /** Folders to look for programs in: `initdb`, `postgres`, `chromium`. */
  readonly path: readonly string[];
  /** Which of Jest's workers this is, from 1; 0 elsewhere. */
  readonly worker: number;
}

export function readTestSettings(environment: NodeJS.ProcessEnv = process.env): TestSettings {
  return {
    databaseUrl: environment['BULLA_TEST_DATABASE_URL'] || undefined,
    path: (environment['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    worker: Number(environment['JEST_WORKER_ID'] ?? 0),
  };
}
