import type { Home } from './home.js';

/** Why a document or a file of keys does not count here. */
export type AsideReason = 'refused' | 'from-the-future' | 'too-late' | 'replaced';

/**
 * Puts a file of the folder out of the way, under a name that says why; nothing is lost.
 * @param name such as `org/acme/policy.json`.
 * @returns the name under which it is kept, such as `org/acme/policy.refused.json`; undefined where there is no file.
 */
export async function setAside(home: Home, name: string, reason: AsideReason): Promise<string | undefined> {
  const text = await home.read(name);
  if (text === undefined) return undefined;
  const [, base = name, end = ''] = /^(.*)(\.json|\.key)$/.exec(name) ?? [];
  for (let count = 1; ; count++) {
    const aside = `${base}.${reason}${count === 1 ? '' : `-${count}`}${end}`;
    const kept = await home.read(aside);
    if (kept !== undefined && kept !== text) continue;
    // The copy first: an interruption leaves two, and the next run ends with one.
    if (kept === undefined) await home.write(aside, text);
    await home.remove(name);
    return aside;
  }
}
