import type { Context } from '../../context.js';
import { ProxyHome } from '../../home/proxy-home.js';
import { NotReadyError } from '../../input/usage-error.js';
import { readProxySettings } from './proxy-settings.js';

/** How a running proxy is reached. */
export interface RunningProxy {
  readonly origin: string;
  readonly token: string;
}

/**
 * The proxy of this home folder, by its own word; whether it still runs, asking it shows.
 * @throws {NotReadyError} if none was started
 */
export async function findRunning({ home: folder, io }: Context): Promise<RunningProxy> {
  const home = new ProxyHome(folder);
  const origin = await home.findOrigin();
  const token = readProxySettings(io.env).token ?? (await home.findToken());
  if (origin === undefined || token === undefined) throw notRunning(folder.folder);
  return { origin, token };
}

export function notRunning(folder: string): NotReadyError {
  return new NotReadyError(`no proxy runs for ${folder}`, 'start it: bulla proxy');
}
