/**
 * What is known of a run of tests: which files began, how each ended, and which checks outside of Jest there were.
 *
 * @typedef {{ event: 'began', file: string }
 *   | { event: 'ended', file: string, seconds: number, passed: number, failed: number, skipped: number }
 *   | { event: 'broke', file: string, why: string }} FileEvent
 * @typedef {{ name: string, passed: boolean }} Check one of the whole tree, such as the type check
 */
export class TestRecord {
  /** @type {Map<string, number>} file to when it began, in milliseconds */
  #running = new Map();
  /** @type {Map<string, { seconds: number, passed: number, failed: number, skipped: number }>} */
  #ended = new Map();
  /** @type {Map<string, string>} file to what broke it */
  #broken = new Map();
  /** @type {Check[]} */
  #checks = [];

  /** @param {FileEvent} event @param {number} now in milliseconds */
  note(event, now = Date.now()) {
    if (event.event === 'began') return this.#running.set(event.file, now);
    this.#running.delete(event.file);
    if (event.event === 'broke') return this.#broken.set(event.file, event.why);
    const { seconds, passed, failed, skipped } = event;
    return this.#ended.set(event.file, { seconds, passed, failed, skipped });
  }

  /** @param {Check} check */
  noteCheck(check) {
    this.#checks.push(check);
  }

  /**
   * Files that began and have not ended.
   * @returns {{ file: string, seconds: number }[]} longest first
   */
  running(now = Date.now()) {
    return [...this.#running]
      .map(([file, since]) => ({ file, seconds: (now - since) / 1000 }))
      .toSorted((one, other) => other.seconds - one.seconds);
  }

  /** What ended: a check outside of Jest counts as one test, a file that never came to its end as one failure. */
  counts() {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    for (const ended of this.#ended.values()) for (const key of ['passed', 'failed', 'skipped']) sum[key] += ended[key];
    for (const { passed } of this.#checks) sum[passed ? 'passed' : 'failed'] += 1;
    const lost = new Set([...this.#broken.keys(), ...this.#running.keys()].filter((file) => !this.#hasFailure(file)));
    return { ...sum, failed: sum.failed + lost.size };
  }

  /** @returns {string[]} a line for each thing that went wrong, for the end of the output */
  troubles(now = Date.now()) {
    const failing = [...this.#ended].filter(([file, { failed }]) => failed > 0 && !this.#broken.has(file));
    return [
      ...this.#checks.filter(({ passed }) => !passed).map(({ name }) => `failed: ${name}`),
      ...failing.map(([file, { failed }]) => `failed: ${file}, ${failed} ${failed === 1 ? 'test' : 'tests'}`),
      ...[...this.#broken].map(([file, why]) => `broke: ${file}: ${why}`),
      ...this.running(now).map(({ file, seconds }) => `did not end: ${file}, running for ${seconds.toFixed(0)} s`),
    ];
  }

  /** @returns {{ file: string, seconds: number }[]} */
  seconds() {
    return [...this.#ended].map(([file, { seconds }]) => ({ file, seconds }));
  }

  #hasFailure(file) {
    return (this.#ended.get(file)?.failed ?? 0) > 0;
  }
}

/**
 * The last line of a run. A run that ends badly without a failed test (the coverage gate, a crash, no test at all) is one
 * failure.
 * @param {{ passed: number, failed: number, skipped: number }} counts
 * @param {number} exitCode of the run
 */
export function closingLine({ passed, failed, skipped }, exitCode) {
  return `${passed} passed, ${exitCode !== 0 ? Math.max(failed, 1) : failed} failed, ${skipped} skipped`;
}

/**
 * Seconds per test file, slowest first.
 * @param {readonly { file: string, seconds: number }[]} files
 * @param {number} wallSeconds of the whole run; files that ran side by side add up to more
 */
export function secondsTable(files, wallSeconds) {
  const sum = files.reduce((total, { seconds }) => total + seconds, 0);
  return [
    `${files.length} test files, ${sum.toFixed(0)} seconds together, ${wallSeconds.toFixed(0)} seconds by the clock`,
    ...files
      .toSorted((one, other) => other.seconds - one.seconds)
      .map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)}  ${file}`),
    '',
  ].join('\n');
}

/**
 * Reads such a table.
 * @param {string} text
 * @returns {Map<string, number>} file to its seconds
 */
export function secondsOf(text) {
  return new Map([...text.matchAll(/^ *([\d.]+) {2}(\S+)$/gm)].map(([, seconds, file]) => [file, Number(seconds)]));
}
