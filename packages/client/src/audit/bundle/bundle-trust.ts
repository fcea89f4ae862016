import { CryptoError, decodeUtf8, parseDirectory, Trust } from '@bulla/crypto';
import type { BundleFolder } from './bundle-folder.js';
import { directoryPath, policyPath, rootPath } from './bundle-format.js';

/** Whose documents they have to be, and when they are judged. */
export interface BundleExpectation {
  readonly org: string;
  /** `sha256:` and 64 hexadecimal digits, known from elsewhere than the folder. */
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
}

type Reading = Pick<BundleFolder, 'read' | 'list'>;

/** Earlier directories that are looked into for keys that the newest does not list any more. */
const EARLIER_MAX = 64;

/**
 * The verified documents of a folder: the newest directory first, then earlier ones, which only tell which keys there
 * were. The newest may have expired: what was signed stays signed.
 * @throws {CryptoError} pin_mismatch, signature_invalid, … for the newest and for each earlier one
 */
export async function readBundleTrust(folder: Reading, expected: BundleExpectation): Promise<[Trust, ...Trust[]]> {
  const roots: string[] = [];
  for (;;) {
    const root = await readText(folder, rootPath(roots.length + 1));
    if (root === undefined) break;
    roots.push(root);
  }
  const versions = (await folder.list('trust'))
    .flatMap((name) => /^directory-([1-9][0-9]{0,8})\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((left, right) => right - left);
  const [newest, ...earlier] = versions.slice(0, EARLIER_MAX + 1);
  if (newest === undefined) throw missing('a directory');
  const trusts: [Trust, ...Trust[]] = [await establish(folder, roots, newest, expected, false)];
  for (const version of earlier) trusts.push(await establish(folder, roots, version, expected, true));
  return trusts;
}

/** @param isEarlier whether it counts by the root that it states, as evidence does, and not by the newest too. */
async function establish(
  folder: Reading,
  roots: readonly string[],
  version: number,
  { org, pin, now }: BundleExpectation,
  isEarlier: boolean,
): Promise<Trust> {
  const directory = await readText(folder, directoryPath(version));
  if (directory === undefined) throw missing(directoryPath(version));
  const { policy: named } = (await parseDirectory(directory)).payload;
  const policy = await readText(folder, policyPath(named.version));
  if (policy === undefined) throw missing(policyPath(named.version));
  const documents = { roots, policy, directory };
  return Trust.establish(documents, { org, pin, now, acceptExpired: true, underStatedRoot: isEarlier });
}

async function readText(folder: Reading, path: string): Promise<string | undefined> {
  const bytes = await folder.read(path);
  return bytes && decodeUtf8(bytes);
}

function missing(what: string): CryptoError {
  return new CryptoError('token_malformed', `the folder does not have ${what}`, { check: 'bundle-form' });
}
