import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Bulla, SeenLog } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { shortName } from '../input/names.js';
import { hintOf } from '../output/hints.js';
import { reasonOf } from '../output/system-errors.js';
import type { Finding } from './inspection.js';

const NAME = 'audit log';
/** How long an entry may be there before somebody has signed for it; services decide nothing once a decision waits longer. */
const UNSIGNED_MAX_SECONDS = 60;
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
 * and is not behind. Entries are not verified: that takes as long as there are entries.
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
  const log = (await audit.checkpoints(urn)).at(-1);
  if (log === undefined)
    return { name: NAME, ok: true, detail: `${name} has decided nothing yet`, data: { service: urn, size: 0 } };
  const { head, standing = 'new', origin } = log;
  const size = head?.size ?? 0;
  const data = { service: urn, origin, size, standing };
  const signed = `${name}: ${size} entries signed`;
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
  return { name: NAME, ok: true, detail: `${signed}, ${STANDING[standing]}`, data };
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
