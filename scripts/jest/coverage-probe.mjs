// Preloaded into Jest's workers where coverage is counted: V8 counts, and after each test file what was counted of our
// sources is written to the folder BULLA_TEST_COVERAGE. (NODE_V8_COVERAGE would write every package's share as well, in
// every process that a test starts, and nothing for a worker that is killed at the end.)
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.BULLA_TEST_COVERAGE;
const OWN = /^file:.*\/(?:packages|services)\/[^/]+\/src\/(?!.*\.test\.ts$).*\.ts$/;

if (isMainThread && folder !== undefined) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  let written = 0;
  globalThis[Symbol.for('bulla.test-file-ended')] = () => {
    session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error) throw error;
      const result = taken.result.filter(({ url }) => OWN.test(url));
      writeFileSync(`${folder}/${process.pid}-${written++}.json`, JSON.stringify({ result }));
    });
  };
}
