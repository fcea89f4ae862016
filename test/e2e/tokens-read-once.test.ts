import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home, prepareDevelopment } from '@bulla/client/node';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { platform } from '../../packages/crypto/src/platform/platform-node.js';
import type { RunningCommand } from '../bulla-command.js';
import { bulla, startUp } from '../bulla-command.js';
import { portSettings, prepareHome } from '../bulla-process.js';

// A content has up to 480 KB and comes to asker and responder once each: who reads a token again pays for it again.

interface Sent {
  readonly bundle: { readonly env: string; readonly grant: string; readonly content: string; readonly tags: string[] };
  readonly inv: string;
}

let folder: string;
let settings: Record<string, string>;
let up: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-once-'));
  const home = join(folder, 'home');
  const ports = await portSettings();
  settings = { BULLA_HOME: home, ...ports };
  const [vaultUrl = '', responderUrl = ''] = [ports.BULLA_VAULT_PORT, ports.BULLA_RESPONDER_PORT].map(
    (port) => `http://127.0.0.1:${port}`,
  );
  await prepareHome(home);
  const now = Math.floor(Date.now() / 1000);
  await prepareDevelopment(new Home(home), { vaultUrl, responderUrl, now, suite: 'p256' });
  up = await startUp(settings);
  await writeFile(join(folder, 'triage.md'), 'Sort this claim by urgency.\n\n{{claim}}\n');
  await bulla(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md')], settings);
});
afterAll(async () => {
  await up.stop();
  await rm(folder, { recursive: true });
});

/** What of a token is its own: of a signed one what it says, of a sealed one what is sealed. */
function ownPart(token: string): string {
  const parts = token.split('.');
  return (parts.length === 3 ? parts[1] : parts[3]) ?? '';
}

it('a cold run reads each token once at the asker and once at the responder', async () => {
  const decoded = { asker: [] as string[], responder: [] as string[] };
  let at: keyof typeof decoded = 'asker';
  let sent: Sent | undefined;
  const decode = platform.decodeBase64url.bind(platform);
  const spy = jest.spyOn(platform, 'decodeBase64url').mockImplementation((text) => {
    decoded[at].push(text);
    return decode(text);
  });
  const ask = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    if (pathname.endsWith('/invocations')) {
      sent = JSON.parse(Buffer.from(init?.body as Uint8Array).toString()) as Sent;
      at = 'responder';
    }
    const response = await ask(input, init);
    // What the vault reads when it issues is not the asker's.
    if (pathname.endsWith('/envelopes')) decoded.asker = [];
    return response;
  };
  try {
    const { status, stderr } = await bulla(['run', 'claims/triage@latest', '--var', 'claim=Water!'], settings);
    expect({ status, said: status === 0 ? '' : stderr }).toEqual({ status: 0, said: '' });
  } finally {
    globalThis.fetch = ask;
    spy.mockRestore();
  }
  if (sent === undefined) throw new Error('nothing was sent');
  const { bundle, inv } = sent;
  const tokens = { E: bundle.env, W: bundle.grant, C: bundle.content, T: bundle.tags[0] ?? '', I: inv };
  const times = (texts: readonly string[]) =>
    Object.fromEntries(
      Object.entries(tokens).map(([name, token]) => [name, texts.filter((text) => text === ownPart(token)).length]),
    );
  expect(times(decoded.asker)).toEqual({ E: 1, W: 1, C: 1, T: 1, I: 0 });
  // How the name was resolved is for the asker to judge.
  expect(times(decoded.responder)).toEqual({ E: 1, W: 1, C: 1, T: 0, I: 1 });
});
