/**
 * Letters by `bulla seal` and `bulla open`, as somebody at a terminal makes them: each question is a command with files
 * of a folder, which have the same names each time.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A refusal with the code that the command says at the end of its line. */
class Refused extends Error {}

/**
 * @typedef {{ status: number | null, stdout: Uint8Array, stderr: string }} Ended
 * @param {string} folder for the files, empty
 * @param {(args: string[], input: Uint8Array) => Ended | Promise<Ended>} start runs `bulla` with these arguments to its end
 * @returns {import('@bulla/conformance').Peer}
 */
export function commandPeer(folder, start) {
  function write(name, content) {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }
  const keyFile = (name, jwk) => write(name, JSON.stringify(jwk));

  async function bulla(args, input = new Uint8Array()) {
    const { status, stdout, stderr } = await start(args, input);
    if (status === 0) return { stdout: Buffer.from(stdout), said: stderr };
    const code = /^bulla: error: .*\(([a-z_]+)(, check [\w-]+)?\)$/m.exec(stderr)?.[1];
    if (code === undefined) throw new Error(`ended with ${status}: ${stderr}`);
    throw new Refused(code);
  }

  /** The command dates letters by its own clock, and names them as their files are named. */
  async function seal({ content, name, sender, recipient }, ...options) {
    const args = ['seal', ...options, '--to', keyFile('to.jwk', recipient), '--from', keyFile('from.jwk', sender)];
    const bytes = Buffer.from(content, 'base64url');
    const ended = name === undefined ? await bulla(args, bytes) : await bulla([...args, write(name, bytes)]);
    return ended.stdout;
  }

  async function open(sealed, { recipient, sender }) {
    const output = join(folder, 'content');
    rmSync(output, { force: true });
    const keys = ['--key', keyFile('key.jwk', recipient), '--sender', keyFile('sender.jwk', sender)];
    const { said } = await bulla(['open', write('letter.jwe', sealed), ...keys, '-o', output]);
    const [, dated, called] = /dated (\S+Z)(?:, called (.*))?$/m.exec(said) ?? [];
    // A name of more than one word stands in quotes.
    const name = called?.startsWith('"') ? called.slice(1, -1).replace(/\\(["\\])/g, '$1') : called;
    const content = readFileSync(output).toString('base64url');
    return { content, at: Date.parse(dated) / 1000, ...(name !== undefined && { name }) };
  }

  const formats = {
    letter: {
      seal: async (input) => ({ token: (await seal(input)).toString().replace(/\n$/, ''), clock: true }),
      open: (input) => open(input.token, input),
    },
    'streamed-letter': {
      seal: async (input) => ({ sealed: (await seal(input, '--stream')).toString('base64url'), clock: true }),
      open: (input) => open(Buffer.from(input.sealed, 'base64url'), input),
    },
  };
  const names = Object.keys(formats);

  return {
    async ask(op, format = '', input = {}) {
      if (op === 'hello') return { ok: { name: 'bulla seal and bulla open', seal: names, open: names, verify: [] } };
      const run = formats[format]?.[op];
      if (run === undefined) return { unsupported: true };
      try {
        return { ok: await run(input) };
      } catch (error) {
        return error instanceof Refused ? { refused: error.message } : { failed: String(error) };
      }
    },
  };
}
