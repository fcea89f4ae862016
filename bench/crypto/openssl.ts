import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What OpenSSL does in a second of one core, by `openssl speed`, which counts time in user mode. */
export interface Speeds {
  readonly sign: number;
  readonly verify: number;
  readonly encrypt: number;
  readonly decrypt: number;
  /** Bytes a second, by the size of the piece. */
  readonly gcm: ReadonlyMap<number, number>;
  readonly sha256: ReadonlyMap<number, number>;
}

/** What an operation cannot do without: how often each RSA-2048 primitive, and of how many bytes. */
export interface Work {
  readonly sign?: number;
  readonly verify?: number;
  readonly encrypt?: number;
  readonly decrypt?: number;
  /** Bytes of AES-256-GCM. */
  readonly gcm?: number;
  /** Bytes of SHA-256 below signatures. */
  readonly sha256?: number;
}

const RSA = ['sign', 'verify', 'encrypt', 'decrypt'] as const;
/** It takes whole seconds only. */
const SECONDS = '1';

/** @param sizes of the pieces that are encrypted and hashed, in bytes. */
export async function measureOpenssl(sizes: readonly number[]): Promise<Speeds> {
  const rsa = rsaSpeedsOf(await speed('rsa2048'));
  const [gcm, sha256] = [new Map<number, number>(), new Map<number, number>()];
  for (const bytes of sizes) {
    gcm.set(bytes, bytesPerSecondOf(await speed('-bytes', String(bytes), '-aead', '-evp', 'aes-256-gcm')));
    sha256.set(bytes, bytesPerSecondOf(await speed('-bytes', String(bytes), '-evp', 'sha256')));
  }
  return { ...rsa, gcm, sha256 };
}

/** The sum of what the primitives of an operation take, in seconds of one core. */
export function secondsOf(work: Work, speeds: Speeds): number {
  const rsa = RSA.reduce((sum, name) => sum + (work[name] ?? 0) / speeds[name], 0);
  return rsa + bulk(work.gcm ?? 0, speeds.gcm) + bulk(work.sha256 ?? 0, speeds.sha256);
}

/**
 * @param text what `openssl speed -mr rsa2048` says: `+F2:<n>:2048:` and then how many a second of signing, verifying,
 *   encrypting and decrypting. Before OpenSSL 3.2 it is the seconds of one, and of the first two only; the other two use the
 *   same key in the same way.
 */
export function rsaSpeedsOf(text: string): Pick<Speeds, (typeof RSA)[number]> {
  const values = /^\+F2:\d+:2048:([0-9.:]+)/m.exec(text)?.[1]?.split(':').map(Number) ?? [];
  const perSecond = values.map((value) => (value < 1 ? 1 / value : value));
  const [sign = 0, verify = 0, encrypt = verify, decrypt = sign] = perSecond;
  if (!(sign > 0 && verify > 0)) throw new Error('openssl speed said nothing about RSA-2048');
  return { sign, verify, encrypt, decrypt };
}

/** @param text what `openssl speed -mr -evp <name> -bytes <n>` says: `+F:<n>:<name>:<bytes a second>`. */
export function bytesPerSecondOf(text: string): number {
  const value = Number(/^\+F:\d+:[^:]+:([0-9.]+)$/m.exec(text)?.[1]);
  if (!(value > 0)) throw new Error('openssl speed said nothing about a cipher or digest');
  return value;
}

/** By the speed of the largest piece that is not larger, or of the smallest there is. */
function bulk(bytes: number, speeds: ReadonlyMap<number, number>): number {
  if (bytes === 0) return 0;
  const sizes = [...speeds.keys()].toSorted((a, b) => a - b);
  const size = sizes.findLast((one) => one <= bytes) ?? sizes[0] ?? 0;
  return bytes / (speeds.get(size) ?? 0);
}

async function speed(...what: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', ['speed', '-mr', '-seconds', SECONDS, ...what]);
  return stdout;
}
