import { isAbsolute } from 'node:path';
import { RootKeyRefused } from './root-key-provider.js';

/** Where a transit key is, and how it is asked. */
export interface OpenBaoPlace {
  /** `https://bao.example:8200/v1/transit` */
  readonly mountUrl: string;
  /** Name of the mount and of the key: `transit/bulla`. */
  readonly path: string;
  readonly key: string;
  /** The file is read again where the token in it is refused: what renews it writes it anew. */
  readonly tokenFile: string;
  readonly namespace: string | undefined;
  /** What people are told where it is no server for production. */
  readonly standIn: string | undefined;
}

const SEGMENT = /^[A-Za-z0-9_.-]{1,64}$/;
const PATH_CHARACTERS_MAX = 96;
const EXPECTED = 'expected openbao:https://HOST/transit/KEY?token-file=/PATH';
const OPTIONS = new Set(['token-file', 'namespace']);
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Reads what stands behind `openbao:`.
 * @throws {RootKeyRefused}
 */
export function openBaoPlace(text: string): OpenBaoPlace {
  const url = URL.canParse(text) ? new URL(text) : refuse(EXPECTED);
  const isLocal = LOOPBACK.has(url.hostname);
  // The token travels in each request.
  // guard: openbao-tls
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal))
    refuse(`${EXPECTED}; http only on this machine`);
  if (url.username !== '' || url.password !== '' || url.hash !== '') refuse(EXPECTED);
  const parts = url.pathname.split('/').filter((part) => part !== '');
  if (parts.length === 0 || !parts.every((part) => SEGMENT.test(part))) refuse(EXPECTED);
  const unknown = [...url.searchParams.keys()].find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) refuse(`${EXPECTED}; ?${unknown} means nothing here`);
  const tokenFile = url.searchParams.get('token-file') ?? '';
  if (!isAbsolute(tokenFile)) refuse(`${EXPECTED}; token-file is the whole path of a file`);
  const namespace = url.searchParams.get('namespace') ?? undefined;
  if (namespace !== undefined && !namespace.split('/').every((part) => SEGMENT.test(part)))
    refuse(`${EXPECTED}; namespace is a path such as team/prompts`);
  const [key = '', ...mount] = parts.toReversed();
  const mountPath = mount.length === 0 ? 'transit' : mount.toReversed().join('/');
  const path = [namespace, mountPath, key].filter((part) => part !== undefined).join('/');
  if (path.length > PATH_CHARACTERS_MAX) refuse(`${EXPECTED}; the path is too long`);
  return {
    mountUrl: `${url.origin}/v1/${mountPath}`,
    path,
    key,
    tokenFile,
    namespace,
    standIn: url.protocol === 'http:' ? 'a server on this machine, without TLS' : undefined,
  };
}

function refuse(why: string): never {
  throw new RootKeyRefused(`BULLA_ROOT_KEY: ${why}`);
}
