import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Plot, runTool } from '../house/tool.js';

describe('.ci/run', () => {
  const plot = new Plot();
  beforeAll(() => {
    plot.copy('.ci/run');
    // As a user who may install nothing, even if something is missing on this machine.
    plant('id', 'echo 1000');
  });
  afterAll(() => plot.remove());

  it.each([
    ['that all went well', [0, 0, 0], { status: 0, line: '9 passed, 0 failed, 2 skipped' }],
    ['that the fuzzer found something', [0, 0, 1], { status: 1, line: '9 passed, 1 failed, 2 skipped' }],
    ['the status of the tests', [3, 0, 0], { status: 3, line: '9 passed, 0 failed, 2 skipped' }],
    ['the status of the apps', [0, 4, 0], { status: 4, line: '9 passed, 0 failed, 2 skipped' }],
    ['all three', [3, 4, 1], { status: 3, line: '9 passed, 1 failed, 2 skipped' }],
  ])('says %s, and the closing line last', (_name, [ofTests, ofApps, ofFuzzer], { status, line }) => {
    plant(
      'npm',
      `if [ "$1" = test ]; then echo '7 passed, 0 failed, 1 skipped'; exit ${ofTests}; fi`,
      `if [ "$2" = test:apps ]; then echo '2 passed, 0 failed, 1 skipped'; exit ${ofApps}; fi`,
      `echo "fuzzing: $*"; exit ${ofFuzzer}`,
    );
    const run = runTool('bash', ['-c', 'PATH="$PWD/bin:$PATH" exec .ci/run'], plot.folder);
    expect({ status: run.status, line: run.stdout.trimEnd().split('\n').at(-1) }).toEqual({ status, line });
    expect(run.text).toContain('fuzzing: run fuzz -- --seconds 5 --jobs 2');
  });

  function plant(name: string, ...lines: readonly string[]): void {
    plot.plant(`bin/${name}`, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(`${plot.folder}/bin/${name}`, 0o755);
  }
});
