import { setTimeout as pause } from 'node:timers/promises';
import type { Completion, HistoryLine } from './kills-history.js';
import type { LogEntry, LogPlace } from './log-verified.js';
import { verifiedEntries } from './log-verified.js';

/** The audit logs of services whose processes were killed. */
export interface Logs {
  readonly vault: LogPlace;
  readonly responder: LogPlace;
}

const WRITTEN_WITHIN_MS = 30_000;

/**
 * Verifies both logs, and waits until they have what was decided.
 * @returns what they do not have: versions that were acknowledged, runs that called the model; and entries they have twice
 * @throws {CryptoError} as verifyLog
 */
export async function findUnlogged(
  logs: Logs,
  lines: readonly HistoryLine[],
  completions: readonly Completion[],
): Promise<string[]> {
  for (const last = performance.now() + WRITTEN_WITHIN_MS; ; await pause(500)) {
    const vault = await verifiedEntries(logs.vault, []);
    const responder = await verifiedEntries(logs.responder, []);
    const faults = [...unloggedVersions(vault, lines), ...unloggedRuns(responder, completions)];
    // What was decided last is on its way.
    if (faults.length === 0 || performance.now() > last) return [...faults, ...doubled(vault), ...doubled(responder)];
  }
}

function unloggedVersions(entries: readonly LogEntry[], lines: readonly HistoryLine[]): string[] {
  const pushed = entries.filter(({ act, res }) => act === 'version.create' && res === 'ok');
  const logged = new Set(pushed.map(({ obj }) => obj['chash']));
  return lines.flatMap((line) =>
    line.op === 'acknowledged' && !logged.has(line.chash) ? [`${line.name} v${line.version} is in no log`] : [],
  );
}

/**
 * A claim is in the log. A question that was claimed and not begun when its process was killed is claimed again by the one
 * that runs it, and the log tells both; that an answer was told again is another entry.
 */
function unloggedRuns(entries: readonly LogEntry[], completions: readonly Completion[]): string[] {
  const claims = entries.filter(({ act, res, obj }) => act === 'invocation.run' && res === 'ok' && !obj['replayed']);
  return completions.flatMap(({ jti }) => {
    const { length } = claims.filter(({ obj }) => obj['invocation'] === jti);
    return length > 0 ? [] : [`${jti} called the model and is in no log`];
  });
}

function doubled(entries: readonly LogEntry[]): string[] {
  const { size } = new Set(entries.map(({ id }) => id));
  return size === entries.length ? [] : [`of ${entries.length} entries ${size} are different`];
}
