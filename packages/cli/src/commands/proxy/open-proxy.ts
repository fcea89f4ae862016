import type { Bulla } from '@bulla/client';
import type { ProxyServer } from '@bulla/proxy';
import type { Context } from '../../context.js';
import { openReceipts } from '../../home/open-receipts.js';
import type { ProxySettings } from './proxy-settings.js';

/** A busy proxy is told another head of a log with nearly every answer: it stores them once a second. */
const TOLD_WITHIN_MS = 1_000;

/** A proxy that listens, and what it asks through. */
export interface OpenProxy {
  readonly server: ProxyServer;
  readonly bulla: Bulla;
  /** Ends it: runs get a moment, unless none is given. */
  close(graceMs?: number): Promise<void>;
}

/**
 * A proxy for this device, once the newest documents of the organisation were verified.
 * @param listen such as `127.0.0.1:4141`.
 * @throws {ProxyError} if it cannot listen there; what `connect` throws
 */
export async function openProxy(
  context: Context,
  settings: Pick<ProxySettings, 'passUnknown' | 'receipts'>,
  { token, listen }: { readonly token: string; readonly listen: string },
): Promise<OpenProxy> {
  const { parseListen, startProxy } = await import('@bulla/proxy');
  const address = parseListen(listen);
  const bulla = await context.connect(context.io.fetch, TOLD_WITHIN_MS);
  try {
    const receipts = await openReceipts(context, settings.receipts);
    const server = await startProxy({ bulla, token, listen: address, receipts, passUnknown: settings.passUnknown });
    return {
      server,
      bulla,
      async close(graceMs) {
        await server.stop(graceMs);
        await bulla.close();
      },
    };
  } catch (error) {
    await bulla.close();
    throw error;
  }
}
