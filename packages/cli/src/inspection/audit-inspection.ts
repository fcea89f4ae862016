import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Bulla, SeenLog } from '@bulla/client';
import { BullaError, isChainGood, misfitsText } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { shortName } from '../input/names.js';
import { hintOf } from '../output/hints.js';
import { reasonOf } from '../output/system-errors.js';
import type { Finding } from './inspection.js';

const NAME = 'audit log';
/** How long an entry may be there before somebody has signed for it; services decide nothing once a decision waits longer. */
const UNSIGNED_MAX_SECONDS = 60;
/** Logs of a service with no more entries are verified whole: a few seconds, and an entry for each 256 that are read. */
const VERIFIED_MAX = 4_096;
const STANDING = {
  new: 'seen for the first time here',
  same: 'as this machine saw it before',
  grown: 'goes on from what this machine saw before',
} as const;

/** What stands for the logs where this device may not see them. */
export const UNSEEN: Finding = {
  name: NAME,
  ok: true,
  detail: 'this device may not see it: admins and auditors may',
};

/**
 * The audit logs of all services: whether each is signed by a key of the directory, goes on from what this machine saw,
 * and is not behind. Entries are verified where there are not many: that takes as long as there are entries.
 * @param now seconds.
 */
export async function inspectAudit(bulla: Pick<Bulla, 'audit'>, now: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const urn of await bulla.audit.services()) {
    try {
      findings.push(await inspectLog(bulla, urn, now));
    } catch (error) {
      if (!(error instanceof BullaError)) throw error;
      // Whether services answer is looked at by itself.
      if (error.code === 'transport_failed') continue;
      const fix = hintOf(error, {}) ?? `see ${error.code} in docs/problems.md, and run bulla audit verify`;
      findings.push({ name: NAME, ok: false, detail: `${shortName(urn, '')}: ${error.message}`, fix });
    }
  }
  return findings;
}

async function inspectLog({ audit }: Pick<Bulla, 'audit'>, urn: string, now: number): Promise<Finding> {
  const name = shortName(urn, '');
  const logs = await audit.checkpoints(urn);
  const log = logs.at(-1);
  if (log === undefined)
    return { name: NAME, ok: true, detail: `${name} has decided nothing yet`, data: { service: urn, size: 0 } };
  const { head, standing = 'new', origin } = log;
  const size = head?.size ?? 0;
  const data = { service: urn, origin, size, standing };
  const signed = `${name}: ${size === 1 ? '1 entry' : `${size} entries`} signed`;
  if (standing === 'behind')
    return {
      name: NAME,
      ok: false,
      detail: `${signed}, fewer than this machine saw before: an older copy answers`,
      data,
      fix: 'look again in a minute; if it stays so, ask its operator, and run bulla audit verify',
    };
  const since = await unsignedSince(audit, urn, log);
  const seconds = since === undefined ? 0 : Math.floor(now - since);
  if (seconds > UNSIGNED_MAX_SECONDS)
    return {
      name: NAME,
      ok: false,
      detail: `${signed}; later ones have waited for a signature for ${seconds} s`,
      data: { ...data, unsigned_seconds: seconds },
      fix: 'the log of the service says why: chore-failed, audit-log-lost (docs/guide/troubleshooting.md)',
    };
  const seen = `${signed}, ${STANDING[standing]}`;
  const kept = logs.reduce((sum, one) => sum + Math.max(0, (one.head?.size ?? 0) - one.first), 0);
  if (kept > VERIFIED_MAX)
    return { name: NAME, ok: true, detail: `${seen}; entries not verified here: bulla audit verify`, data };
  const bad = await inspectEntries(audit, urn);
  if (bad !== undefined) return { name: NAME, ok: false, detail: `${name}: ${bad}`, data, fix: SEE_VERIFY };
  return { name: NAME, ok: true, detail: `${seen}; every entry verified`, data };
}

const SEE_VERIFY =
  'run bulla audit verify, and ask the operator of the service; docs/guide/audit.md says what it means';

/** @returns what is wrong with the logs of a service, if anything is */
async function inspectEntries(audit: Bulla['audit'], urn: string): Promise<string | undefined> {
  const { logs, unreached } = await audit.verify({ services: [urn] });
  for (const { error } of unreached) throw error;
  const broken = logs.find((log) => !isChainGood(log));
  // guard: doctor-log-chain
  if (broken !== undefined) return `the chain of ${broken.origin} is broken: ${broken.failure?.message ?? ''}`;
  const misfits = logs.flatMap((log) => log.misfits);
  // guard: doctor-log-evidence without: return undefined;
  return misfits.length === 0 ? undefined : `its evidence is bad: ${misfitsText(misfits)}`;
}

/** When the first entry was written that the checkpoint does not hold, in seconds; undefined if it holds all. */
async function unsignedSince(
  audit: Bulla['audit'],
  service: string,
  { log, head }: SeenLog,
): Promise<number | undefined> {
  for await (const { at } of audit.from(head?.size ?? 0, { service, log })) return Date.parse(at) / 1000;
  return undefined;
}

/**
 * Where services that are started from this folder put down what they signed of their logs. Without it they sign nothing.
 * @returns nothing where everything is well
 */
export async function inspectMarks(home: Home): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const service of ['vault', 'responder']) {
    const path = home.path(`audit/${service}`);
    try {
      await access(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      // One is made at the first start.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      const detail = `nothing can be written in ${path} (${reasonOf(error)}), so the ${service} signs nothing of its log`;
      findings.push({ name: 'audit marks', ok: false, detail, data: { path }, fix: `chmod u+rwx ${path}` });
    }
  }
  return findings;
}
