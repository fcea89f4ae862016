import type { LogName } from '@bulla/crypto/log';
import { parseOrigin } from '@bulla/crypto/log';
import type { Trust } from '@bulla/crypto';
import { CryptoError, requireSeconds } from '@bulla/crypto';
import { checked } from '../../connection/errors.js';
import { rememberedTrust } from '../../trust/remembered-trust.js';
import type { TrustStore } from '../../trust/trust-store.js';
import type { AnswerInLogs } from '../answer-in-logs.js';
import { AnswerSearch } from '../answer-in-logs.js';
import type { ListedEntry } from '../audit-entries.js';
import type { AuditVerdict } from '../audit-verdict.js';
import type { BundleFolder } from './bundle-folder.js';
import type { BundleIndex } from './bundle-format.js';
import { INDEX_PATH } from './bundle-format.js';
import { bundledLog, readIndex } from './bundle-read.js';
import { readBundleTrust } from './bundle-trust.js';
import type { LogAtHand } from '../judged-audit.js';
import { goneLog, judgeAudit } from '../judged-audit.js';
import { olderExport } from '../loss/older-export.js';
import { withVerified } from '../told/told-heads.js';

export interface VerifyBundleOptions {
  /** `sha256:` and 64 hexadecimal digits, known from elsewhere than the folder. */
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
  /**
   * What this machine remembers under the pin: newer documents tell which keys were revoked since, kept heads what the
   * logs were before, and heads that are good are kept there.
   */
  readonly store?: TrustStore | undefined;
  /** Told how many entries were verified. */
  readonly onProgress?: ((entries: number) => void) | undefined;
  /** Gets every entry once it is verified; of a service the newest log comes first. */
  readonly onEntry?: ((entry: ListedEntry) => void) | undefined;
}

/** What a folder of exported logs proves, and whose it is. */
export interface BundleVerdict extends AuditVerdict {
  readonly org: string;
  /** RFC 3339: when the folder says that it was made. */
  readonly made: string;
  /** The newest documents at hand. */
  readonly trust: Trust;
}

/**
 * Verifies exported logs with nothing but the organisation's pin: no keys, no service, no network.
 * @throws {VerifyError} token_malformed where the folder holds no bundle; {TrustError} pin_mismatch, signature_invalid, …
 */
export async function verifyBundle(
  folder: Pick<BundleFolder, 'read' | 'list'>,
  options: VerifyBundleOptions,
): Promise<BundleVerdict> {
  requireSeconds(options.now);
  return verifyWith(folder, options);
}

/**
 * As {@link verifyBundle}, and whether exactly this answer, and the permission for it, are in the logs.
 * @param answer the bytes of an answer file that was verified.
 */
export async function verifyAnswerInBundle(
  answer: Uint8Array<ArrayBuffer>,
  folder: Pick<BundleFolder, 'read' | 'list'>,
  options: VerifyBundleOptions,
): Promise<BundleVerdict & { readonly answer: AnswerInLogs }> {
  requireSeconds(options.now);
  const search = await checked(() => AnswerSearch.of(answer));
  const verdict = await verifyWith(folder, options, search);
  return { ...verdict, answer: search.found(verdict) };
}

async function verifyWith(
  folder: Pick<BundleFolder, 'read' | 'list'>,
  { pin, now, store, onProgress, onEntry }: VerifyBundleOptions,
  search?: AnswerSearch,
): Promise<BundleVerdict> {
  return checked(async () => {
    const index = await readIndex(folder);
    if (index === undefined)
      throw new CryptoError(
        'token_malformed',
        `the folder has no ${INDEX_PATH}: it holds no exported logs, or their export was cut`,
        {
          check: 'bundle-form',
        },
      );
    const { org, made } = index;
    const bundled = await readBundleTrust(folder, { org, pin, now });
    const state = await store?.load(org, pin);
    const remembered = state && (await rememberedTrust(state, { org, now }));
    const trusts = newestFirst(bundled, remembered);
    let entries = 0;
    const shown: LogAtHand[] = logsOf(index).map(({ name, path }) => ({ name, source: bundledLog(folder, path) }));
    const { older, gone } = olderExport(
      shown.map(({ name }) => name),
      state,
      trusts[0],
    );
    const verdict = await judgeAudit({
      org,
      logs: [...shown, ...gone.map(goneLog)],
      trusts,
      older,
      now,
      accepted: state?.accepted,
      heads: state?.heads,
      told: [...(state?.told ?? []), ...(search?.told === undefined ? [] : [search.told])],
      onLeaf: (name, at, leaf, text) => {
        onProgress?.(++entries);
        search?.see(name, at, leaf);
        onEntry?.({ service: name.urn, log: name.number, index: at, at: leaf.t, leaf: text, entry: leaf });
      },
    });
    await keepHeads(verdict, org, pin, store);
    return { ...verdict, org, made, trust: trusts[0] };
  });
}

/** The logs of a folder, each by its name; a name that is there twice, or is not that of its service, is refused. */
function logsOf({ org, logs }: BundleIndex): { readonly name: LogName; readonly path: string }[] {
  const seen = new Set<string>();
  return logs.map(({ origin, urn, path }) => {
    const name = parseOrigin(origin);
    // guard: audit-bundle-logs
    if (name?.urn !== urn || !urn.startsWith(`urn:bulla:${org}:svc:`) || seen.has(origin))
      throw new CryptoError('token_malformed', `${INDEX_PATH} names a log wrongly`, { check: 'bundle-form' });
    seen.add(origin);
    return { name, path };
  });
}

function newestFirst(bundled: readonly [Trust, ...Trust[]], remembered: Trust | undefined): [Trust, ...Trust[]] {
  const [first, ...rest] = bundled;
  if (remembered === undefined) return [first, ...rest];
  return remembered.directoryRef.ver > first.directoryRef.ver
    ? [remembered, first, ...rest]
    : [first, ...rest, remembered];
}

/** What this machine remembers of an organisation rises with what it verified; where it remembers nothing, it begins nothing. */
async function keepHeads(
  verdict: AuditVerdict,
  org: string,
  pin: string,
  store: TrustStore | undefined,
): Promise<void> {
  if (store === undefined || (await store.load(org, pin)) === undefined) return;
  await store.update(org, pin, (state) => {
    if (state === undefined) throw new Error('what was remembered is gone');
    return withVerified(state, verdict);
  });
}
