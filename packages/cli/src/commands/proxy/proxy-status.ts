import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { counted } from '../../output/output.js';
import { findRunning, notRunning } from './running-proxy.js';

/** What the proxy says of itself (docs/guide/proxy.md). */
interface ProxyStatus {
  readonly since: string;
  readonly organisation: string | null;
  readonly pin: string | null;
  readonly directory: number | null;
  readonly responder: { readonly urn: string; readonly keys: readonly string[] } | null;
  readonly models: readonly string[] | null;
  readonly trouble: string | null;
  readonly receipts: { readonly kept: number; readonly lost: number; readonly fault: string | null } | null;
  readonly calls: number;
  readonly verified: number;
  readonly coalesced: number;
  readonly refused: number;
  readonly open: number;
  readonly faults: Readonly<Record<string, number>>;
}

const ASKING_MS = 15_000;

/** `bulla proxy status` */
export function addStatusCommand(proxy: Command, context: Context): void {
  proxy
    .command('status')
    .description('what the running proxy verifies, for which models, and what it did since it began')
    .option('--json', 'print it as JSON')
    .action(() => showStatus(context));
}

async function showStatus(context: Context): Promise<void> {
  const { out, home } = context;
  const { origin, token } = await findRunning(context);
  const status = await askStatus(context, origin, token);
  if (status === undefined) throw notRunning(home.folder);
  if (context.asJson) return out.json({ origin, ...status });
  out.table(rowsOf(origin, status));
}

/** Undefined where nothing that knows this key answers there: a proxy that was killed leaves its address behind. */
async function askStatus({ io }: Context, origin: string, token: string): Promise<ProxyStatus | undefined> {
  const { STATUS_PATH } = await import('@bulla/proxy');
  try {
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(ASKING_MS)]);
    const response = await io.fetch(`${origin}${STATUS_PATH}`, {
      headers: { authorization: `Bearer ${token}` },
      signal,
    });
    return response.ok ? ((await response.json()) as ProxyStatus) : undefined;
  } catch {
    return undefined;
  }
}

function rowsOf(origin: string, status: ProxyStatus): string[][] {
  const { organisation, pin, directory, responder, models, trouble, receipts, faults } = status;
  const unknown = trouble === null ? 'not known' : `not known (${trouble}); \`bulla doctor\` looks closer`;
  return [
    ['address', origin],
    ['since', status.since],
    ['organisation', organisation ?? unknown],
    ['pin', pin ?? unknown],
    ['verified by', directory === null ? unknown : `directory ${directory}`],
    ['responder', responder?.urn ?? unknown],
    ['its key', responder?.keys.join(', ') ?? unknown],
    ['models', models?.join(', ') ?? unknown],
    ['calls', `${status.calls}, and ${counted(status.verified, 'verified answer')}`],
    ['at work', String(status.open)],
    ['retries', `${status.coalesced} got the answer of their first try`],
    ['not let in', String(status.refused)],
    ['faults', faultWords(faults)],
    ['receipts', receiptWords(receipts)],
  ];
}

function faultWords(faults: ProxyStatus['faults']): string {
  const told = Object.entries(faults).map(([code, times]) => `${code} ${times}`);
  return told.length === 0 ? 'none' : told.join(', ');
}

function receiptWords(receipts: ProxyStatus['receipts']): string {
  if (receipts === null) return 'off (BULLA_PROXY_RECEIPTS)';
  const { kept, lost, fault } = receipts;
  return `${kept} kept since then${lost === 0 ? '' : `, ${lost} lost`}${fault === null ? '' : `: ${fault}`}`;
}
