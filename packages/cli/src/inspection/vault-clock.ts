import { BullaError } from '@bulla/client';
import { SKEW_SECONDS } from '@bulla/crypto';

const TIMEOUT_MS = 10_000;

/**
 * Compares this machine's clock with the vault's, before anything is signed here: what is signed with a clock that is
 * ahead counts for nobody before its day. The date is what the vault says over any way: who changes it on the way can
 * only have nothing signed, and a vault that does not answer says nothing.
 * @param vaultUrl where the vault is.
 * @param clock of this machine, in seconds.
 * @throws {BullaError} clock_skew, saying by how much
 */
export async function requireVaultClock(vaultUrl: string, fetcher: typeof fetch, clock: () => number): Promise<void> {
  const before = clock();
  const date = await dateOf(vaultUrl, fetcher);
  const after = clock();
  if (date === undefined) return;
  // It is told in whole seconds, somewhere between the question and the answer.
  const [ahead, behind] = [before - (date + 1), date - after];
  // guard: cli-vault-clock
  if (Math.max(ahead, behind) > SKEW_SECONDS)
    throw new BullaError('clock_skew', {
      message: `the clock of this machine is ${inWords(Math.max(ahead, behind))} ${ahead > behind ? 'ahead of' : 'behind'} the vault's: nothing was signed`,
      origin: 'client',
    });
}

/** Seconds. */
async function dateOf(vaultUrl: string, fetcher: typeof fetch): Promise<number | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { headers, body } = await fetcher(new URL('/health/live', vaultUrl), { signal, redirect: 'error' });
    await body?.cancel();
    const date = Date.parse(headers.get('date') ?? '') / 1000;
    return Number.isSafeInteger(date) ? date : undefined;
  } catch {
    // What needs the vault says that it cannot be reached.
    return undefined;
  }
}

function inWords(seconds: number): string {
  const units = [
    ['days', 86_400],
    ['hours', 3_600],
    ['minutes', 60],
  ] as const;
  const [unit, size] = units.find(([, length]) => seconds >= 2 * length) ?? ['seconds', 1];
  return `${Math.round(seconds / size)} ${unit}`;
}
