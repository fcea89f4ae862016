import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LIMITS } from './limits/limits.js';
import type { Host } from './serve.js';
import { serveUntilSignal } from './serve.js';
import { TokenFault } from './token/token-fault.js';

let signals: Map<string, () => void>;
let host: Host;
let exits: number[];
let starting: PromiseWithResolvers<{ close(): Promise<void> }>;
let closed: number;
const service = {
  close(): Promise<void> {
    closed += 1;
    return Promise.resolve();
  },
};

beforeEach(() => {
  jest.useFakeTimers();
  [signals, exits, closed] = [new Map(), [], 0];
  starting = Promise.withResolvers();
  host = {
    stderr: { write: () => true },
    on: (signal, listener) => signals.set(signal, listener),
    exit: (code) => exits.push(code),
  };
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a signal while a service starts', () => {
  it('ends it once it has started', async () => {
    const served = serveUntilSignal('vault', () => starting.promise, host);
    signals.get('SIGTERM')?.();
    signals.get('SIGINT')?.();
    expect(closed).toBe(0);
    starting.resolve(service);
    await served;
    await jest.advanceTimersByTimeAsync(LIMITS.graceMs);
    expect([closed, exits, host.exitCode]).toEqual([1, [], undefined]);
  });

  it('ends the process when the start takes too long', async () => {
    void serveUntilSignal('vault', () => starting.promise, host);
    signals.get('SIGTERM')?.();
    await jest.advanceTimersByTimeAsync(LIMITS.graceMs - 1);
    expect(exits).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(exits).toEqual([1]);
  });

  it('does not hide why it did not start', async () => {
    const served = serveUntilSignal('vault', () => starting.promise, host);
    signals.get('SIGTERM')?.();
    starting.reject(Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }));
    await served;
    await jest.advanceTimersByTimeAsync(LIMITS.graceMs);
    expect([host.exitCode, closed, exits]).toEqual([1, 0, []]);
  });
});

describe('a token that is away when a service starts', () => {
  it.each([
    ['no_token', 1, 'has no token of that label', 'look for it with: pkcs11-tool --module /lib.so --list-token-slots'],
    ['no_binding', 78, 'what speaks PKCS#11 is not built here', 'build it with: npm run build:token'],
    ['CKR_DEVICE_ERROR', 1, 'answered CKR_DEVICE_ERROR', 'see that the token and its daemon run, then start again'],
  ])('is told of with what mends it: %s', async (word, code, what, mends) => {
    let said = '';
    host = { ...host, stderr: { write: (line) => (said += line) } };
    const served = serveUntilSignal('vault', () => starting.promise, host);
    starting.reject(new TokenFault(word, { token: 'bulla', object: 'vault', module: '/lib.so', pinFile: '/pin' }));
    await served;
    expect(said).toBe(`bulla: error: the token bulla, key vault: ${what}\nbulla: hint: ${mends}\n`);
    expect(host.exitCode).toBe(code);
  });
});
