import type { Bulla } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { fingerprint } from '@bulla/crypto';
import { shortName } from '../input/names.js';
import type { Finding } from './inspection.js';

const KINDS = ['vault', 'responder'] as const;

/** What each vault and responder says that it holds, beside what the directory lists of it. */
export async function inspectHeldKeys(bulla: Bulla): Promise<Finding[]> {
  const trust = await bulla.trust();
  const found: Finding[] = [];
  for (const kind of KINDS)
    for (const urn of trust.entitiesOf(kind)) found.push(...(await inspectOne(bulla, { urn, kind })));
  return found;
}

async function inspectOne(
  bulla: Bulla,
  { urn, kind }: { readonly urn: string; readonly kind: (typeof KINDS)[number] },
): Promise<Finding[]> {
  const name = `keys of ${shortName(urn, '')}`;
  const beside = await bulla.people.heldBesideListed(urn).catch((error: unknown) => {
    // That it does not answer is said already, where it is looked for.
    if (error instanceof BullaError) return error;
    throw error;
  });
  if (beside instanceof BullaError)
    return beside.code === 'transport_failed' ? [] : [{ name, ok: false, detail: beside.message }];
  const { notHeld, notListed } = beside;
  const data = { urn, not_held: notHeld.map(({ kid }) => fingerprint(kid)), not_listed: notListed.map(fingerprint) };
  const findings: Finding[] = [];
  const ofLog = notHeld.find(({ log }) => log !== undefined);
  if (ofLog !== undefined)
    findings.push({
      name,
      ok: false,
      detail: `the directory lists the key of log ${ofLog.log} of ${urn}, and it does not hold it: it decides nothing`,
      fix: `put the key file that has it where BULLA_KEYS_FILE of the ${kind} says; if it is lost: bulla trust renew --begin-logs`,
      data,
    });
  else if (notHeld.length > 0)
    findings.push({
      name,
      ok: false,
      detail: `the directory lists ${notHeld.map((key) => `${fingerprint(key.kid)} (${key.pur.join(', ')})`).join(', ')}, and ${urn} does not hold ${notHeld.length === 1 ? 'it' : 'them'}`,
      fix: `put the key file that has it where BULLA_KEYS_FILE of the ${kind} says; if there is no such file any more: bulla trust retire ${urn} --not-held`,
      data,
    });
  if (notListed.length > 0)
    findings.push({
      name,
      ok: false,
      detail: `${urn} holds ${notListed.map(fingerprint).join(', ')}, which the directory does not list: it signs nothing with it yet, and nothing is sealed to it`,
      fix: `bulla keys public FILE where its file is, then: bulla trust accept ${kind} --fingerprint … --keys …`,
      data,
    });
  return findings.length > 0
    ? findings
    : [{ name, ok: true, detail: 'it holds the newest of each kind that the directory lists, and no other', data }];
}
