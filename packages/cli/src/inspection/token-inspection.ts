import type { Home } from '@bulla/client/node';
import { readKeyFile, RESPONDER_KEYS, VAULT_KEYS } from '@bulla/client/node';
import type { TokenKey } from '@bulla/crypto';
import type { Io } from '../io.js';
import { withTokenSigner } from '../home/token-package.js';
import type { Finding } from './inspection.js';

/** Where the signing keys of the services are that this folder keeps in tokens, and whether they sign. */
export async function inspectTokens(io: Io, home: Home): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [who, name] of [
    ['vault', VAULT_KEYS],
    ['responder', RESPONDER_KEYS],
  ] as const) {
    const file = await readKeyFile(home, name).catch(() => undefined);
    for (const key of file?.keys ?? []) if ('token' in key) findings.push(await inspectToken(io, who, key));
  }
  return findings;
}

async function inspectToken(io: Io, who: string, key: TokenKey): Promise<Finding> {
  const name = `${who} key`;
  const data = { kid: key.kid, purposes: key.pur };
  try {
    return await withTokenSigner(io, key, async ({ place, standIn }) => ({
      name,
      ok: true,
      detail: `${place}, a token${standIn === undefined ? '' : `; a stand-in: ${standIn}`}`,
      data: { ...data, place, ...(standIn !== undefined && { stand_in: standIn }) },
    }));
  } catch (error) {
    const { message, hint, exitCode } = Object(error) as { message?: unknown; hint?: unknown; exitCode?: unknown };
    if (typeof exitCode !== 'number') throw error;
    return { name, ok: false, detail: String(message), data, ...(typeof hint === 'string' && { fix: hint }) };
  }
}
