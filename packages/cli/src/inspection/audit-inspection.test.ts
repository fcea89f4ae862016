import { chmodSync, mkdirSync } from 'node:fs';
import type { Bulla, LogVerdict, SeenLog } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { Home } from '@bulla/client/node';
import { folderForTest } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { inspectAudit, inspectMarks } from './audit-inspection.js';

const NOW = Date.parse('2026-11-28T12:00:00Z') / 1000;
const VAULT = 'urn:bulla:acme:svc:vault';
const RESPONDER = 'urn:bulla:acme:svc:responder:eu1';
const head = { size: 7, root: new Uint8Array(32) };
const origin = `${VAULT}/audit/1`;
const log: SeenLog = { service: VAULT, origin, log: 1, first: 0, checkpoint: '', head, standing: 'grown' };

type Shown = readonly SeenLog[] | BullaError;

/** What is found where services show these logs, and entries that nobody has signed, so many seconds old. */
function found(
  services: Readonly<Record<string, Shown>>,
  unsigned: readonly number[] = [],
  verified: Partial<LogVerdict> = {},
) {
  const audit = {
    verify: () => Promise.resolve({ logs: [{ origin, misfits: [], ...verified }], unreached: [] }),
    services: () => Promise.resolve(Object.keys(services)),
    checkpoints: (urn: string) => {
      const shown = services[urn] ?? [];
      return shown instanceof Error ? Promise.reject(shown) : Promise.resolve(shown);
    },
    async *from() {
      for (const age of unsigned) yield { at: new Date((NOW - age) * 1000).toISOString() };
    },
  };
  return inspectAudit({ audit } as unknown as Bulla, NOW);
}

describe('an audit log', () => {
  it.each<[string, Shown, readonly number[], object]>([
    [
      'goes on',
      [log],
      [],
      {
        ok: true,
        detail: 'vault: 7 entries signed, goes on from what this machine saw before; every entry verified',
      },
    ],
    [
      'has nothing but its beginning',
      [{ ...log, head: { ...head, size: 1 } }],
      [],
      { ok: true, detail: expect.stringContaining('vault: 1 entry signed, ') },
    ],
    [
      'has more entries than are verified here',
      [{ ...log, head: { ...head, size: 4_097 } }],
      [],
      { ok: true, detail: expect.stringContaining('entries not verified here: bulla audit verify') },
    ],
    [
      'has so many, and most of them gone',
      [{ ...log, first: 4_000, head: { ...head, size: 4_097 } }],
      [],
      { ok: true },
    ],
    ['has nothing', [], [], { ok: true, detail: 'vault has decided nothing yet' }],
    ['is about to be signed', [log], [59], { ok: true }],
    [
      'is not signed any more',
      [log],
      [61, 2],
      {
        ok: false,
        detail: 'vault: 7 entries signed; later ones have waited for a signature for 61 s',
        fix: expect.stringContaining('chore-failed'),
      },
    ],
    ['was never signed', [{ ...log, checkpoint: null, head: undefined, standing: undefined }], [61], { ok: false }],
    [
      'is older than what was seen',
      [{ ...log, standing: 'behind' }],
      [],
      { ok: false, detail: expect.stringContaining('older copy') },
    ],
    [
      'contradicts what was seen',
      new BullaError('log_inconsistent', { message: 'some were taken away', origin: 'client' } as never),
      [],
      { ok: false, detail: 'vault: some were taken away', fix: expect.any(String) },
    ],
  ])('that %s is seen so', async (_name, shown, unsigned, finding) => {
    const findings = await found({ [VAULT]: shown }, unsigned);
    expect(findings).toMatchObject([{ name: 'audit log', ...finding }]);
  });

  it('that is broken is a finding [guard: doctor-log-chain]', async () => {
    const failure = { code: 'log_inconsistent', check: 'entries' as const, message: 'entry 3: it is not there' };
    expect(await found({ [VAULT]: [log] }, [], { failure })).toMatchObject([
      {
        ok: false,
        detail: `vault: the chain of ${origin} is broken: entry 3: it is not there`,
        fix: expect.stringContaining('bulla audit verify'),
      },
    ]);
  });

  it('with entries that do not fit is a finding of its own [guard: doctor-log-evidence]', async () => {
    const misfits = [{ index: 3, message: 'no service can have done that' }];
    expect(await found({ [VAULT]: [log] }, [], { misfits })).toMatchObject([
      {
        ok: false,
        detail: 'vault: its evidence is bad: 1 entry does not fit: entry 3: no service can have done that',
        fix: expect.stringContaining('bulla audit verify'),
      },
    ]);
  });

  it('is looked at for each service, and for none that does not answer: that is another finding', async () => {
    const gone = new BullaError('transport_failed', { message: 'it is gone', origin: 'client' } as never);
    expect(await found({ [VAULT]: [log], [RESPONDER]: gone })).toHaveLength(1);
    expect(await found({ [VAULT]: gone, [RESPONDER]: [] })).toMatchObject([
      { detail: 'responder eu1 has decided nothing yet' },
    ]);
  });
});

describe('the marks of services that are started from a folder', () => {
  it('are no finding where they can be written, or there are none yet', async () => {
    const home = new Home(folderForTest('home'));
    expect(await inspectMarks(home)).toEqual([]);
    mkdirSync(home.path('audit/vault'), { recursive: true });
    expect(await inspectMarks(home)).toEqual([]);
  });

  it('are one where something stands in their place', async () => {
    const home = new Home(folderForTest('home'));
    mkdirSync(home.path('audit'), { recursive: true });
    // Root writes where it may not: a file in the way of the folder stands in everybody's.
    await home.write('audit/vault', 'x');
    chmodSync(home.path('audit/vault'), 0o600);
    expect(await inspectMarks(home)).toMatchObject([
      { name: 'audit marks', ok: false, detail: expect.stringContaining('signs nothing of its log') },
    ]);
  });
});
