import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderForTest } from './pglite-for-test.js';
import { readTestSettings } from './settings.js';

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];
const FOLDER = new URL('../../service-kit/pkcs11/', import.meta.url);
const BINDING = fileURLToPath(new URL('node_modules/pkcs11js/build/Release/pkcs11.node', FOLDER));

/** The library of SoftHSM; undefined where it, or what speaks PKCS#11 for services, is not on this machine. */
export function findSoftHsm(): string | undefined {
  return existsSync(BINDING) ? MODULES.find((path) => existsSync(path)) : undefined;
}

/** What kinds of keys there are to be refused: a pair that may leave, that may not sign, or that is none of RSA. */
type TokenKeyKind = 'aes' | 'leaving' | 'deciphering' | 'curve';

/** A token of SoftHSM in a folder of its own. */
export class SoftHsm {
  readonly label = 'bulla';
  readonly pin = '84-of-the-tests';
  readonly module: string;
  readonly folder = folderForTest('softhsm');
  readonly tokens = join(this.folder, 'tokens');
  readonly settings = join(this.folder, 'softhsm2.conf');

  constructor(module: string) {
    this.module = module;
    mkdirSync(this.tokens);
    writeFileSync(
      this.settings,
      `directories.tokendir = ${this.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    writeFileSync(join(this.folder, 'pin'), `${this.pin}\n`, { mode: 0o600 });
    const pins = ['--pin', this.pin, '--so-pin', 'security-officer'];
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', this.label, ...pins], {
      env: this.#environment,
      stdio: 'ignore',
    });
  }

  /** Where a service finds a key, behind `pkcs11:`. */
  place(object: string): string {
    return `token=${this.label};object=${object}?module-path=${this.module}&pin-source=file:${join(this.folder, 'pin')}`;
  }

  /** Makes a key, of AES that never leaves the token unless told otherwise; one of the same label is taken away first. */
  makeKey(object: string, kind: TokenKeyKind = 'aes'): void {
    const script = fileURLToPath(new URL('../make-token-key.mjs', import.meta.url));
    execFileSync(process.execPath, [script, fileURLToPath(FOLDER), this.module, this.label, this.pin, object, kind], {
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  takeAway(): void {
    renameSync(this.tokens, this.#away);
    mkdirSync(this.tokens);
  }

  putBack(): void {
    rmdirSync(this.tokens);
    renameSync(this.#away, this.tokens);
  }

  get #environment(): Record<string, string> {
    return { PATH: readTestSettings().path.join(':'), SOFTHSM2_CONF: this.settings };
  }

  get #away(): string {
    return join(this.folder, 'away');
  }
}

/** The processes of this one that hold a library of a vendor. */
export function tokenProcesses(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.map(Number).filter((pid) => commandOf(pid).includes('token-process.mjs'));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
