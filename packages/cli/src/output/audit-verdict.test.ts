import { describe, expect, it } from '@jest/globals';
import type { AuditVerdict, LogVerdict } from '@bulla/client';
import { requireComplete, requireGoodLogs, showVerdict, verdictAsJson } from './audit-verdict.js';
import { CheckFailed, EvidenceMisfit, LossFound } from './exit-code.js';
import { Sink } from '../../test/world.js';
import { Output } from './output.js';

const root = new Uint8Array(32);
const GOOD: LogVerdict = {
  origin: 'urn:bulla:acme:svc:vault/audit/1',
  urn: 'urn:bulla:acme:svc:vault',
  valid: true,
  checks: [
    { name: 'checkpoint', state: 'passed', detail: 'signed' },
    { name: 'witnesses', state: 'not_looked_for', detail: 'the policy names none' },
  ],
  head: { size: 18_204, root },
  newestAt: '2026-11-25T08:00:00.000Z',
  prunedEntries: 0,
  saidPruned: [],
  saidErased: [],
  misfits: [],
  lower: [],
  losses: [],
  keysUnknown: 0,
  isOlder: false,
};
const { head: _, newestAt: __, ...HEADLESS } = GOOD;
const failure = { code: 'log_forked', check: 'kept-head' as const, message: 'another history' };

function shown(logs: readonly LogVerdict[]): string {
  const stdout = new Sink();
  showVerdict(new Output({ stdout, stderr: new Sink(), env: {} }), { logs });
  return stdout.text;
}

const verdict = (logs: readonly LogVerdict[]): AuditVerdict => ({
  valid: logs.every(({ valid }) => valid),
  logs,
  directory: { version: 3, issued: '2026-11-25T08:00:00Z' },
});

describe('the verdict on logs', () => {
  it('ends with the size and the head of each log that is good', () => {
    const text = shown([GOOD, { ...GOOD, newestAt: undefined }]);
    expect(text).toContain('chain ok 18,204 events, head=AAAA');
    expect(text).toContain('newest entry of 2026-11-25T08:00:00.000Z');
    expect(text.match(/chain ok/g)).toHaveLength(2);
    expect(text).toContain('the policy names none');
  });

  it('ends with what is broken, or with nothing being there', () => {
    expect(shown([{ ...GOOD, valid: false, failure }])).toContain('chain BROKEN another history');
    expect(shown([{ ...HEADLESS, valid: false }])).toContain('chain lost nothing of it is here');
  });

  it('says beside it which entries do not fit, the first twenty by name', () => {
    const evidence = { code: 'signature_invalid', check: 'evidence' as const, message: '22 entries do not fit' };
    const misfits = Array.from({ length: 22 }, (_none, at) => ({ index: 1_000 + at, message: 'no service can' }));
    const text = shown([{ ...GOOD, valid: false, failure: evidence, misfits }]);
    expect(text).toMatch(/^chain ok 18,204 events/m);
    expect(text).toContain('evidence BAD 22 entries that nobody is shown to have asked for\n');
    expect(text.match(/^ {2}entry 1,0\d\d: no service can$/gm)).toHaveLength(20);
    expect(text).toContain('  and 2 more\n');
    const [log] = (
      verdictAsJson(verdict([{ ...GOOD, valid: false, failure: evidence, misfits }])) as { logs: object[] }
    ).logs;
    expect(log).toMatchObject({ valid: false, chain: true, evidence: false, misfits: { count: 22 } });
  });

  it('ends a command by what is bad: the chain, or the evidence beside it [guard: cli-audit-evidence]', () => {
    const evidence = { code: 'signature_invalid', check: 'evidence' as const, message: '' };
    const unfit = { ...GOOD, valid: false, failure: evidence, misfits: [{ index: 3, message: 'no service can' }] };
    expect(() => requireGoodLogs([GOOD, unfit])).toThrow(EvidenceMisfit);
    expect(() => requireGoodLogs([GOOD, unfit])).toThrow(
      `${GOOD.origin}: 1 entry does not fit: entry 3: no service can; the chain itself is good`,
    );
    expect(() => requireGoodLogs([unfit, { ...GOOD, valid: false, failure }])).toThrow(
      `${GOOD.origin}: another history (and 1 log more)`,
    );
    expect(requireGoodLogs([GOOD])).toBeUndefined();
  });

  it('ends a command by what is lost, unless a person accepted that [guard: cli-audit-loss]', () => {
    const loss = { kind: 'lost' as const, origin: GOOD.origin, message: '3 entries had been signed: 1 lost' };
    const told = { code: 'log_inconsistent', check: 'loss' as const, message: loss.message };
    const lost = { ...GOOD, valid: false, failure: told, losses: [loss] };
    expect(() => requireGoodLogs([GOOD, lost])).toThrow(LossFound);
    expect(() => requireGoodLogs([lost])).toThrow(`${GOOD.origin}: ${loss.message}; what is shown fits its signatures`);
    expect(requireGoodLogs([{ ...GOOD, losses: [{ ...loss, acceptedAt: 1_790_000_000 }] }])).toBeUndefined();
    expect(shown([lost])).toContain('and a LOSS that nobody accepted');
  });

  it('ends a command that has to have all where a newer log is known [guard: cli-audit-complete]', () => {
    const older = [
      { service: GOOD.urn, newest: 1, known: 2 },
      { service: 'urn:bulla:acme:svc:responder:eu1', newest: undefined, known: 1 },
    ];
    expect(() => requireComplete({ logs: [GOOD], older })).toThrow(CheckFailed);
    expect(() => requireComplete({ logs: [GOOD], older: older.slice(1) })).toThrow(
      'this export has no log of urn:bulla:acme:svc:responder:eu1, and this machine knows of log 1',
    );
    expect(requireComplete({ logs: [GOOD], older: [] })).toBeUndefined();
    expect(requireComplete({ logs: [GOOD] })).toBeUndefined();
    const stdout = new Sink();
    showVerdict(new Output({ stdout, stderr: new Sink(), env: {} }), { logs: [GOOD], older });
    expect(stdout.text).toMatch(
      /^older this export has no log after 1 of urn:bulla:acme:svc:vault, and this machine knows of log 2$/m,
    );
    expect(verdictAsJson({ ...verdict([GOOD]), older })).toMatchObject({ older });
  });

  it('ends it where more entries were seen than are here [guard: cli-audit-complete-log]', () => {
    const logs = [GOOD, { ...GOOD, isOlder: true }];
    expect(() => requireComplete({ logs })).toThrow(CheckFailed);
    expect(() => requireComplete({ logs })).toThrow('this machine saw more entries of it than are here');
  });

  it('ends it where no directory lists who asked [guard: cli-audit-complete-keys]', () => {
    const logs = [{ ...GOOD, keysUnknown: 2 }];
    expect(() => requireComplete({ logs })).toThrow(EvidenceMisfit);
    expect(() => requireComplete({ logs })).toThrow('2 entries by keys that no directory at hand lists');
  });

  it('is for programs with null for what is not there', () => {
    expect(verdictAsJson(verdict([HEADLESS]))).toMatchObject({
      logs: [{ entries: null, head: null, newest_at: null, key: null, witnessed: null, before: null }],
    });
    const key = { kid: 'k', vkey: 'v', listedIn: 2, isListed: true, revoked: undefined };
    const witnessed = { quorum: 1, named: 2, seen: [], reached: { entries: 12, at: '2026-11-25T08:00:00Z' } };
    const before = { origin: 'urn:bulla:acme:svc:vault/audit/0', head: { size: 41, root } };
    const full = { ...GOOD, valid: false, failure, key, witnessed, before } as unknown as LogVerdict;
    expect(verdictAsJson(verdict([full]))).toMatchObject({
      valid: false,
      logs: [
        {
          entries: 18_204,
          key: { kid: 'k', listed_in: 2 },
          witnessed: { quorum: 1, named: 2, entries: 12 },
          before: { entries: 41 },
          failure: { code: 'log_forked' },
        },
      ],
    });
    const unreached = { ...GOOD, witnessed: { ...witnessed, reached: undefined } } as unknown as LogVerdict;
    expect(verdictAsJson(verdict([unreached]))).toMatchObject({ logs: [{ witnessed: { entries: null, at: null } }] });
  });
});
