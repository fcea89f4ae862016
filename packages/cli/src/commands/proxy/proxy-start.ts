import { once } from 'node:events';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { ProxyHome } from '../../home/proxy-home.js';
import { styled } from '../../output/output.js';
import { openUnlessEnded } from './open-proxy.js';
import { readProxySettings } from './proxy-settings.js';

/** `bulla proxy start`, which is what `bulla proxy` means. */
export function addStartCommand(proxy: Command, context: Context): void {
  proxy
    .command('start', { isDefault: true })
    .description('answer apps on this machine until it is stopped')
    .option('--listen <host:port>', 'where to listen, on this machine alone (default: 127.0.0.1:4141)')
    .option('--json', 'print where it listens as JSON, once it is ready')
    .addHelpText(
      'after',
      `
Apps show a key, which is made at the first start, printed once, and kept in BULLA_HOME for its owner alone. The key of a
model provider is never needed: the responder has it. What an app sends is plaintext as far as here, and sealed from here on.

Settings, from the environment; X_FILE names a file that holds X:
  BULLA_PROXY_LISTEN        127.0.0.1:4141; port 0 takes a free one
  BULLA_PROXY_TOKEN         the key that apps show, in the place of the one that is kept
  BULLA_PROXY_PASS_UNKNOWN  on: parameters of chats that Bulla does not know are left out; off (default): refused by name
  BULLA_PROXY_RECEIPTS      on (default), off, or question: the last 100 answers are kept, sealed to this device

Examples:
  $ bulla proxy
  $ bulla proxy start --listen 127.0.0.1:0
  $ eval "$(bulla proxy env)" && node app.mjs   (in a second terminal)`,
    )
    .action((options: { readonly listen?: string }) => start(context, options));
}

async function start(context: Context, { listen }: { readonly listen?: string }): Promise<void> {
  const { io, out } = context;
  const settings = readProxySettings(io.env);
  const { Bearer, LISTEN } = await import('@bulla/proxy');
  // Before anything is written: a folder that nobody has set up stays as it is.
  await context.profile();
  const home = new ProxyHome(context.home);
  const release = await home.hold();
  try {
    const kept = settings.token ?? (await home.findToken());
    const token = kept ?? Bearer.newToken();
    const where = { token, listen: listen ?? settings.listen ?? LISTEN };
    const proxy = await openUnlessEnded(context, settings, where);
    if (proxy === undefined) return;
    try {
      const { origin } = proxy.server;
      if (kept === undefined) await home.writeToken(token);
      await home.writeOrigin(origin);
      const file = settings.token === undefined ? home.tokenFile : undefined;
      sayReady(context, { origin, file, made: kept === undefined ? token : undefined });
      if (!io.signal.aborted) await once(io.signal, 'abort');
    } finally {
      out.talk('bulla: stopping');
      await home.forgetOrigin();
      await proxy.close();
    }
  } finally {
    await release();
  }
  out.talk('bulla: stopped');
}

interface Ready {
  readonly origin: string;
  /** Where the key of apps lies; undefined where a setting says it. */
  readonly file: string | undefined;
  /** The key, where it was made just now. */
  readonly made: string | undefined;
}

function sayReady({ out, asJson }: Context, { origin, file, made }: Ready): void {
  if (asJson) {
    const bases = { openai_base_url: `${origin}/v1`, anthropic_base_url: origin };
    out.json({ state: 'ready', ...bases, token_file: file ?? null });
    return;
  }
  out.line(styled('bulla: ready', 'good'), `  OpenAI base URL ${origin}/v1  Anthropic base URL ${origin}`);
  if (made !== undefined) out.line(`bulla: apps show this key, which is not printed again:  ${made}`);
  out.line(`bulla: the key is ${file === undefined ? 'that of BULLA_PROXY_TOKEN' : `kept in ${file}`}`);
  out.line('bulla: in a second terminal:  eval "$(bulla proxy env)"  and then the app; or  bulla exec -- app');
}
