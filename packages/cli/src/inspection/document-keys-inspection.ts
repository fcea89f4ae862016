import type { TrustState } from '@bulla/client';
import { openSigned, ROOT_ROLES } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { findDocumentSigners, nextKeyName } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import { fingerprint, timestampOf } from '@bulla/crypto';
import type { Finding } from './inspection.js';

/**
 * Whose signatures root, policy and directory take, whether the keys that lie here are of them, and what was signed here
 * that nobody published.
 */
export async function inspectDocumentKeys(
  trust: Trust,
  home: Home,
  state: TrustState | undefined,
  now: number,
): Promise<Finding[]> {
  const { roles } = trust.root;
  const data = Object.fromEntries(
    ROOT_ROLES.map((role) => [
      role,
      { keys: roles[role].kids.map((kid) => fingerprint(kid)), threshold: roles[role].threshold },
    ]),
  );
  const how = ROOT_ROLES.map((role) => `${role} ${roles[role].threshold} of ${roles[role].kids.length}`).join(', ');
  const findings: Finding[] = [{ name: 'document keys', ok: true, detail: `signatures needed: ${how}`, data }];
  for (const role of ROOT_ROLES) {
    const folder = `org/${trust.org}`;
    const waits = (await home.read(nextKeyName(folder, role))) !== undefined;
    const here = await findDocumentSigners(home, folder, role);
    const unlisted = here.filter(({ kid }) => !roles[role].kids.includes(kid)).map(({ kid }) => fingerprint(kid));
    const [next] = waits ? unlisted.slice(-1) : [];
    if (next !== undefined)
      findings.push({
        name: 'document keys',
        ok: false,
        detail: `${next} is here for the ${role}, and no root lists it yet`,
        fix: 'finish the proposal that brings it (bulla trust publish FILE), or remove the file',
      });
    for (const old of unlisted.filter((one) => one !== next))
      findings.push({
        name: 'document keys',
        ok: false,
        detail: `${old} is here for the ${role}, and root ${trust.root.version} does not list it: what it signs counts for nobody`,
        fix: 'remove the file, or bring the key that took its place',
      });
  }
  for (const { kind, version, until } of state === undefined ? [] : openSigned(state, now))
    findings.push({
      name: 'signed here',
      ok: false,
      detail: `${kind} version ${version} was signed here and is not published; a vault takes it until ${timestampOf(until)}`,
      data: { kind, version, until: timestampOf(until) },
      fix: 'publish its proposal (bulla trust publish FILE); else another content of that version can be signed then',
    });
  return findings;
}
