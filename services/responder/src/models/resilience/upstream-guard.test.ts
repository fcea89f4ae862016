import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { UpstreamFault } from '../model-error.js';
import { ModelError } from '../model-error.js';
import { UpstreamGuard } from './upstream-guard.js';

/** Longer than a server is left alone after its first failures. */
const REST_MS = 10_000;
const causes = (fault: UpstreamFault) => new ModelError('upstream_unavailable', 'on purpose', fault);
const guardOf = (concurrentMax = 100) => new UpstreamGuard({ concurrentMax });

/** What becomes of a step that ends in this way. */
const after = (guard: UpstreamGuard, error?: Error) =>
  guard
    .begin(async () => {
      if (error !== undefined) throw error;
      return 'answered';
    })
    .catch((thrown: unknown) => (thrown instanceof ModelError ? thrown.fault?.cause : thrown));

async function open(guard: UpstreamGuard): Promise<void> {
  for (let count = 0; count < 5; count += 1) await after(guard, causes({ cause: 'connection_refused' }));
  expect(await after(guard)).toBe('resting');
}

let pastMs = 0;
beforeEach(() => {
  pastMs = 0;
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + pastMs);
});
afterEach(() => {
  jest.restoreAllMocks();
});
const later = (ms: number) => {
  pastMs += ms;
};

describe('a model server that fails five times in a row', () => {
  it.each<[string, UpstreamFault]>([
    ['nobody listens', { cause: 'connection_refused' }],
    ['it is too slow', { cause: 'too_slow' }],
    ['it hangs up', { cause: 'hung_up' }],
    ['it fails', { cause: 'http_status', status: 503 }],
    ['it speaks rubbish', { cause: 'not_completions' }],
  ])('is left alone (%s)', async (_name, fault) => {
    const guard = guardOf();
    const said: unknown[] = [];
    for (let count = 0; count < 6; count += 1) said.push(await after(guard, causes(fault)));
    expect(said).toEqual([...Array.from({ length: 5 }, () => fault.cause), 'resting']);
  });

  it.each<[string, UpstreamFault]>([
    ['refuses a key', { cause: 'http_status', status: 401 }],
    ['limits the rate', { cause: 'http_status', status: 429 }],
    ['does not know the model', { cause: 'http_status', status: 404 }],
    ['withholds', { cause: 'withheld' }],
  ])('is well, where all that it does is that it %s', async (_name, fault) => {
    const guard = guardOf();
    for (let count = 0; count < 10; count += 1) expect(await after(guard, causes(fault))).toBe(fault.cause);
  });

  it('is not, with an answer between them', async () => {
    const guard = guardOf();
    for (const round of [0, 1]) {
      for (let count = 0; count < 4; count += 1) await after(guard, causes({ cause: 'cut' }));
      expect([round, await after(guard)]).toEqual([round, 'answered']);
    }
  });

  it('is not, by askers who left', async () => {
    const guard = guardOf();
    const left = new Error('the asker left');
    for (let count = 0; count < 10; count += 1) expect(await after(guard, left)).toBe(left);
    expect(await after(guard)).toBe('answered');
  });
});

describe('a model server that is left alone', () => {
  it('is tried by one run after a while, and all others do not wait for it [guard: breaker-probe]', async () => {
    const guard = guardOf();
    await open(guard);
    later(REST_MS);
    const gate = Promise.withResolvers<string>();
    const probe = guard.begin(() => gate.promise);
    const waits = new Promise((resolve) => setImmediate(() => resolve('waits')));
    expect(await Promise.race([Promise.all([after(guard), after(guard)]), waits])).toEqual(['resting', 'resting']);
    gate.resolve('well');
    expect([await probe, await after(guard)]).toEqual(['well', 'answered']);
  });

  it('is left alone longer where that run fails', async () => {
    const guard = guardOf();
    await open(guard);
    later(REST_MS);
    expect(await after(guard, causes({ cause: 'cut' }))).toBe('cut');
    // At least half of twice as long.
    later(REST_MS - 1_000);
    expect(await after(guard)).toBe('resting');
    later(REST_MS + 1_000);
    expect(await after(guard)).toBe('answered');
  });

  it('is left alone where the asker of that run leaves before an answer', async () => {
    const guard = guardOf();
    await open(guard);
    later(REST_MS);
    expect(await after(guard, new Error('the asker left'))).toBeInstanceOf(Error);
    expect(await after(guard)).toBe('resting');
  });
});

describe('the places at a model server', () => {
  it('are as many as it says [guard: upstream-places]', () => {
    const guard = guardOf(2);
    guard.enter();
    guard.enter();
    expect(() => guard.enter()).toThrow(expect.objectContaining({ fault: { cause: 'full' } }));
  });

  it('are free again when a run gives its own back, and one of them however often it does', async () => {
    const guard = guardOf(2);
    const leave = guard.enter();
    guard.enter();
    leave();
    leave();
    await new Promise((resolve) => setImmediate(resolve));
    guard.enter();
    expect(() => guard.enter()).toThrow('as many runs');
  });
});

describe('a model server that names a time', () => {
  it('is paused until then, and no longer than a minute', async () => {
    const guard = guardOf();
    expect(guard.isPaused).toBe(false);
    await after(guard, causes({ cause: 'http_status', status: 429 }));
    expect(guard.isPaused).toBe(false);
    await after(guard, causes({ cause: 'http_status', status: 429, retryAfterSeconds: 3_600 }));
    expect(guard.isPaused).toBe(true);
    const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_001);
    expect(guard.isPaused).toBe(false);
    now.mockRestore();
  });
});
