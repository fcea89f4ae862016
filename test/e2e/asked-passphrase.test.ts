import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import { environment } from '../bulla-process.js';

// A vault that somebody starts by hand asks for the passphrase of its root key, at a real terminal, which shows none of it.

const database = await databaseForTest();
const isHere = spawnSync('script', ['--version']).status === 0 && database.url !== undefined;
const atTerminal = isHere ? describe : describe.skip;
const PASSPHRASE = 'kestrel velvet harbour copper';
const CTRL_C = '\u0003';

async function succeed(argv: string[], by: Record<string, string>): Promise<void> {
  const { status, stderr } = await bulla(argv, by);
  if (status !== 0) throw new Error(stderr);
}

atTerminal('a vault at a terminal', () => {
  let folder: string;
  let settings: Record<string, string>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-asked-'));
    const home = join(folder, 'home');
    const [vault = 0, responder = 0] = await freePorts(2);
    const urls = ['--vault-url', `http://127.0.0.1:${vault}`, '--responder-url', `http://127.0.0.1:${responder}`];
    await succeed(['init', '--production', '--org', 'acme', ...urls], { BULLA_HOME: home });
    const salt = join(folder, 'root.salt');
    await succeed(['keys', 'generate', '--root', salt, '--passphrase'], {});
    settings = {
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_KEYS_FILE: join(home, 'services/vault.keys.json'),
      BULLA_AUDIT_MARKS: join(home, 'audit/vault'),
      BULLA_VAULT_PORT: String(vault),
      BULLA_METRICS_PORT: '0',
      BULLA_ROOT_KEY: `passphrase:${salt}`,
      BULLA_LOG_LEVEL: 'debug',
    };
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  });

  /** Runs a program at a terminal of its own, and types each answer after its question. */
  async function at(command: string, ...talk: readonly [question: string, answer: string][]) {
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      env: environment({ ...settings, SHELL: '/bin/sh' }),
    });
    let shown = '';
    child.stdout.on('data', (part: Buffer) => void (shown += part.toString()));
    const left = [...talk];
    const answering = setInterval(() => {
      const [question, answer] = left[0] ?? [];
      if (question === undefined || !shown.includes(question)) return;
      left.shift();
      child.stdin.write(answer);
    }, 20);
    const [code] = (await once(child, 'close')) as [number | null];
    clearInterval(answering);
    return { shown, code };
  }
  // `exec`: a shell that stays would be ended by the same Ctrl-C, and say 130 for the vault.
  const vault = `exec '${process.execPath}' '${join(import.meta.dirname, '../../services/vault/dist/main.js')}'`;
  const ready: [string, string] = ['service-ready', CTRL_C];

  it('would show what is typed, if it were asked for as anything else', async () => {
    const { shown } = await at('read -p "name: " name', ['name: ', `${PASSPHRASE}\r`]);
    expect(shown).toContain(PASSPHRASE);
  });

  it('asks for the passphrase twice the first time, once later, and shows it never', async () => {
    const first = await at(
      vault,
      ['passphrase of the root key (', `${PASSPHRASE}\r`],
      ['once more:', `${PASSPHRASE}\r`],
      ready,
    );
    expect(first.shown).toContain('service-ready');
    const again = await at(vault, ['passphrase of the root key (', `${PASSPHRASE}\r`], ready);
    expect(again.shown).toContain('service-ready');
    expect(again.shown).not.toContain('once more:');
    const wrong = await at(vault, ['passphrase of the root key (', `${PASSPHRASE}!\r`]);
    expect(wrong.shown).toMatch(/bulla: error: BULLA_ROOT_KEY: this database is under root:passphrase:/);
    const left = await at(vault, ['passphrase of the root key (', CTRL_C]);
    expect(left.shown).toContain('bulla: error: BULLA_ROOT_PASSPHRASE: expected at least 16 characters');
    expect([first, again, wrong, left].map(({ code }) => code)).toEqual([0, 0, 78, 78]);
    for (const { shown } of [first, again, wrong, left]) expect(shown).not.toContain('kestrel');
  }, 120_000);
});
