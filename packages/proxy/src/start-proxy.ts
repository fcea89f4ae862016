import type { Bulla } from '@bulla/client';
import type { AnswerKeeper } from '@bulla/client/apps';
import { AppSurface } from '@bulla/client/apps';
import type { ReceiptKeeper } from '@bulla/client/node';
import { Bearer } from './bearer.js';
import { Counts } from './counts.js';
import type { ListenAddress } from './listening.js';
import { ProxyServer } from './proxy-server.js';
import { trustedBy } from './trusted.js';

export interface ProxyOptions {
  /** Whose device asks, and whom it trusts. */
  readonly bulla: Bulla;
  /** What apps show to be let in. */
  readonly token: string;
  readonly listen: ListenAddress;
  /** Keeps verified answers; none are kept unless given. */
  readonly receipts?: ReceiptKeeper | undefined;
  /** Whether unknown parameters of chats are left out, and not refused. */
  readonly passUnknown?: boolean;
}

/**
 * A proxy around one connection. It must be stopped before the connection is closed.
 * @throws {ProxyError} if it cannot listen there
 */
export function startProxy({ bulla, token, listen, receipts, passUnknown }: ProxyOptions): Promise<ProxyServer> {
  const counts = new Counts();
  const since = new Date().toISOString();
  return ProxyServer.start({
    surface: new AppSurface(bulla, { keeper: counting(counts, receipts), passUnknown }),
    bearer: new Bearer(token),
    listen,
    counts,
    isLost: (id) => receipts?.isUnsure(id) === true,
    describe: async () => ({ since, ...(await trustedBy(bulla)), receipts: standing(receipts) }),
  });
}

/** Counts every verified answer, kept or not. */
function counting(counts: Counts, receipts: ReceiptKeeper | undefined): AnswerKeeper {
  return {
    newId: () => receipts?.newId(),
    async keep(id, answer) {
      counts.verified++;
      await receipts?.keep(id, answer);
    },
  };
}

/** What became of receipts since the proxy began; null where none are kept. */
function standing(receipts: ReceiptKeeper | undefined): object | null {
  if (receipts === undefined) return null;
  const { kept, lost, fault = null } = receipts;
  return { kept, lost, fault };
}
