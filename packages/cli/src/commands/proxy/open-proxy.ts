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

type UsedSettings = Pick<ProxySettings, 'passUnknown' | 'receipts'>;
interface Where {
  readonly token: string;
  /** Such as `127.0.0.1:4141`. */
  readonly listen: string;
}

/**
 * A proxy as below, unless the person or the system wants the command to end before it listens: a vault that does not answer is
 * waited for no longer then.
 */
export async function openUnlessEnded(
  context: Context,
  settings: UsedSettings,
  where: Where,
): Promise<OpenProxy | undefined> {
  const { signal } = context.io;
  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  const end = (): void => resolve(undefined);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const opening = openProxy(context, settings, where);
  try {
    return await Promise.race([opening, ended]);
  } finally {
    signal.removeEventListener('abort', end);
    // One that comes too late has nobody.
    if (signal.aborted) void opening.then((late) => late.close(0)).catch(() => undefined);
  }
}

/**
 * A proxy for this device, once the newest documents of the organisation were verified.
 * @throws {ProxyError} if it cannot listen there; what `connect` throws
 */
async function openProxy(context: Context, settings: UsedSettings, { token, listen }: Where): Promise<OpenProxy> {
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
