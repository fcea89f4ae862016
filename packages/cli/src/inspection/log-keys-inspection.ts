import { LOG_KEY_LIFE } from '@bulla/client';
import type { LoggingService } from '@bulla/client/node';
import type { Home } from '@bulla/client/node';
import {
  isDue,
  LOGGING_SERVICES,
  logOf,
  markFolder,
  newestLogKey,
  readKeyFile,
  RESPONDER_KEYS,
  VAULT_KEYS,
} from '@bulla/client/node';
import type { KeyFile, Trust } from '@bulla/crypto';
import { requireSeconds, timestampOf, utf8 } from '@bulla/crypto';
import { MARK_FOLDER_FILE, parseMarkFolder } from '@bulla/crypto/key-files';
import { shortName } from '../input/names.js';
import type { Finding } from './inspection.js';

const NAME = 'audit log keys';
const FILES: Readonly<Record<LoggingService, string>> = { vault: VAULT_KEYS, responder: RESPONDER_KEYS };

/** Which log of each service the directory lists a key of, and whether the next one is due. @param now seconds. */
export function inspectLogKeys(trust: Trust, now: number): Finding[] {
  requireSeconds(now);
  return [...trust.entitiesOf('vault'), ...trust.entitiesOf('responder')].map((urn) => inspectOne(trust, urn, now));
}

function inspectOne(trust: Trust, urn: string, now: number): Finding {
  const who = shortName(urn, '');
  const keys = (trust.entity(urn)?.keys ?? []).filter(({ log }) => log !== undefined);
  const [newest] = keys.toSorted((one, other) => (other.log ?? 0) - (one.log ?? 0));
  const renew = 'where its key file and the key of the directory are: bulla trust renew';
  if (newest === undefined)
    return {
      name: NAME,
      ok: false,
      detail: `the directory lists no key of a numbered log of ${who}: it signs nothing`,
      data: { service: urn, log: null },
      fix: renew,
    };
  const until = timestampOf(newest.use_until);
  const data = { service: urn, log: newest.log, until };
  const listed = `the directory lists the key of log ${newest.log} of ${who}, until ${until.slice(0, 10)}`;
  // guard: doctor-log-key-due
  if (isDue(newest.use_until - now, LOG_KEY_LIFE.use))
    return { name: NAME, ok: false, detail: `${listed}: the next log is due`, data, fix: renew };
  return { name: NAME, ok: true, detail: listed, data };
}

/** Whether the folders of marks of services that are started from a home are set up. Without that they sign nothing. */
export async function inspectMarkFolders(home: Home): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const who of LOGGING_SERVICES) {
    const file = await readKeyFile(home, FILES[who]);
    if (file !== undefined) findings.push(...(await inspectFolder(home, who, file)));
  }
  return findings;
}

async function inspectFolder(home: Home, who: LoggingService, file: KeyFile): Promise<Finding[]> {
  const key = newestLogKey(file);
  // What the directory lists is said already.
  if (key === undefined) return [];
  const path = `${markFolder(who)}/${MARK_FOLDER_FILE}`;
  const text = await home.read(path);
  const log = text === undefined ? undefined : numberIn(text);
  // guard: doctor-mark-folder
  if (log === undefined)
    return [
      {
        name: 'audit marks',
        ok: false,
        detail: `${home.path(path)} is ${text === undefined ? 'not there' : 'not what it should be'}, so the ${who} signs nothing of its log ${logOf(key)}: its marks are lost`,
        data: { path: home.path(path), log: logOf(key) },
        fix: 'bulla trust renew --begin-logs',
      },
    ];
  return [{ name: 'audit marks', ok: true, detail: `those of the ${who} are kept from log ${log} on`, data: { log } }];
}

function numberIn(text: string): number | undefined {
  try {
    return parseMarkFolder(utf8(text)).log;
  } catch {
    return undefined;
  }
}
