import type { Bulla } from '@bulla/client';
import type { Finding } from './inspection.js';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { counted } from '../output/output.js';

/** Versions named in a finding; of the others it says how many they are. */
const LACKING_SHOWN = 5;

/** Labelled versions that somebody who may have them cannot open with the key they have now. */
export async function inspectGrants(bulla: Bulla, self: string | Beholder): Promise<Finding> {
  const found: { readonly name: string; readonly detail: string }[] = [];
  for await (const { name } of bulla.prompts.list()) {
    for (const { version, keys } of await bulla.grants.lacking(name)) {
      const lacking = keys.map(
        ({ urn, fingerprint }) => `${shortName(urn, self)} (encryption key ${fingerprint.slice(0, 9)})`,
      );
      found.push({ name, detail: `${name} v${version} for ${lacking.join(', ')}` });
    }
  }
  if (found.length === 0)
    return { name: 'grants', ok: true, detail: 'labelled versions are sealed to the keys of all who may have them' };
  const shown = found.slice(0, LACKING_SHOWN).map(({ detail }) => detail);
  const more = found.length > shown.length ? `; and ${found.length - shown.length} more` : '';
  const names = [...new Set(found.map(({ name }) => name))];
  return {
    name: 'grants',
    ok: false,
    detail: `${counted(found.length, 'labelled version')} without a grant: ${shown.join('; ')}${more}`,
    fix: `bulla prompt reseal ${names.length === 1 ? names[0] : 'NAME'} --labelled`,
  };
}

/** Grants that did not give the key of their version, and versions that nobody can run for want of a commitment to theirs. */
export async function inspectFitness(bulla: Bulla, self: string | Beholder): Promise<Finding[]> {
  const findings: Finding[] = [];
  const unfit = await bulla.grants.unfit();
  if (unfit.length > 0) {
    const shown = unfit
      .slice(0, LACKING_SHOWN)
      .map(
        ({ version, aud, by, whash }) =>
          `${whash.slice(0, 12)} of a v${version} for ${shortName(aud, self)}, posted by ${by}`,
      );
    findings.push({
      name: 'unfit grants',
      ok: false,
      detail: `${counted(unfit.length, 'grant')} did not give the key of the version: ${shown.join('; ')}`,
      fix: 'ask who posted it; `bulla prompt unfit` lists them, and an admin clears one: bulla prompt unfit --clear HASH',
    });
  }
  const earlier: string[] = [];
  for await (const { name } of bulla.prompts.list())
    for (const version of await bulla.grants.uncommitted(name)) earlier.push(`${name} v${version}`);
  if (earlier.length > 0)
    findings.push({
      name: 'contents of before',
      ok: false,
      detail: `${counted(earlier.length, 'labelled version')} sealed before contents committed to their key, which nobody can run: ${earlier.slice(0, LACKING_SHOWN).join('; ')}`,
      fix: 'for each: bulla prompt pull NAME --out FILE, then bulla prompt push FILE with its labels',
    });
  return findings;
}
