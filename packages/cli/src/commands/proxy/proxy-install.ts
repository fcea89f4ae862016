import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { writeWhole } from '../../input/files.js';

const NAME = 'bulla-proxy';

/** `bulla proxy install` */
export function addInstallCommand(proxy: Command, context: Context): void {
  proxy
    .command('install')
    .description('write a unit for systemd that runs the proxy for this user, and print how to enable it')
    .option('-o, --out <file>', 'where to write it (default: ~/.config/systemd/user/bulla-proxy.service)')
    .option('--json', 'print where it is as JSON')
    .addHelpText(
      'after',
      `
The unit runs as this user, from the same folder as now, with the same BULLA_HOME. Nothing is enabled or started here. A key
file that is locked needs BULLA_PASSPHRASE_FILE in the unit: systemd can ask nobody.

Example:
  $ bulla proxy install`,
    )
    .action((options: { readonly out?: string }) => install(context, options));
}

async function install(context: Context, { out: path }: { readonly out?: string }): Promise<void> {
  const { io, out, home } = context;
  const file = path ?? join(io.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'systemd/user', `${NAME}.service`);
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, unitOf(home.folder), 0o644);
  const commands = ['systemctl --user daemon-reload', `systemctl --user enable --now ${NAME}`];
  if (context.asJson) return out.json({ path: file, commands });
  out.line(`bulla: written to ${file}; enable it with:`);
  for (const command of commands) out.line(`  ${command}`);
}

function unitOf(folder: string): string {
  const program = fileURLToPath(new URL('../../../bin/bulla.js', import.meta.url));
  return `[Unit]
Description=Bulla proxy: seals what apps of this user send to models, and verifies what they get

[Service]
ExecStart=${[process.execPath, program].map(forSystemd).join(' ')} proxy start
Environment=${forSystemd(`BULLA_HOME=${folder}`)}
Restart=on-failure
RestartSec=5
TimeoutStopSec=20
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=default.target
`;
}

/** A word of a unit as it is: \`%\` begins a specifier, \`$\` a variable. */
function forSystemd(word: string): string {
  return `"${word.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}
