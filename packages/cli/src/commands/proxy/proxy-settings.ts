import type { Io } from '../../io.js';
import { readSetting, SettingError } from '../../input/settings.js';

/** What the proxy takes from the environment. */
export interface ProxySettings {
  /** BULLA_PROXY_LISTEN: the address to listen on. */
  readonly listen: string | undefined;
  /** BULLA_PROXY_TOKEN: what apps show, in the place of the one that is kept in the home folder. */
  readonly token: string | undefined;
  /** BULLA_PROXY_PASS_UNKNOWN: whether unknown parameters of chats are left out, and not refused. */
  readonly passUnknown: boolean;
  /** BULLA_PROXY_RECEIPTS: whether answers are kept, and with the question. */
  readonly receipts: 'on' | 'off' | 'question';
}

/**
 * Reads the settings of the proxy; an empty variable counts as absent.
 * @throws {SettingError}
 */
export function readProxySettings(env: Io['env']): ProxySettings {
  const token = readSetting(env, 'BULLA_PROXY_TOKEN');
  // guard: proxy-token-setting
  if (token !== undefined && !/^[!-~]{16,4096}$/.test(token))
    throw new SettingError('BULLA_PROXY_TOKEN (from the environment): expected 16 or more characters that show');
  return {
    listen: readSetting(env, 'BULLA_PROXY_LISTEN'),
    token,
    passUnknown: oneOf(env, 'BULLA_PROXY_PASS_UNKNOWN', ['off', 'on']) === 'on',
    receipts: oneOf(env, 'BULLA_PROXY_RECEIPTS', ['on', 'off', 'question']),
  };
}

/** A setting with few values, of which the first holds without it. */
function oneOf<const Value extends string>(env: Io['env'], name: string, values: readonly [Value, ...Value[]]): Value {
  const given = readSetting(env, name) ?? values[0];
  const found = values.find((value) => value === given);
  if (found === undefined) throw new SettingError(`${name} (from the environment): expected ${values.join(', ')}`);
  return found;
}
