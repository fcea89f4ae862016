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
