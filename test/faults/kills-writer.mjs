// One client of the tests with kills: writes versions and asks for runs until its input ends, and puts down what it was
// told, on the disk before it goes on. Its one argument is a file with its orders.
import { fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Bulla, BullaError, identityOf } from '@bulla/client';

const BREAK_MS = 30;
/** Runs that nobody has ended yet; with so many of them it only writes. */
const OPEN_RUNS_MAX = 4;
const RUN_TIMEOUT_MS = 150_000;

const { url, pin, keyFile, name, history } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const file = openSync(history, 'a');
const bulla = Bulla.offline({ url, pin, identity: await identityOf(keyFile) });
const openRuns = new Set();
const stop = new AbortController();
process.stdin.on('end', () => stop.abort()).resume();

for (let entry = 1; !stop.signal.aborted; entry++) {
  const text = `Entry ${entry} of ${name}, for {{marker}}.`;
  const { version, chash } = await insist(text);
  put({ op: 'acknowledged', name, version, chash, text });
  if (openRuns.size < OPEN_RUNS_MAX) {
    const run = ask(`<${name}:${entry}>`).finally(() => openRuns.delete(run));
    openRuns.add(run);
  }
  await pause(BREAK_MS);
}
await Promise.all(openRuns);
await bulla.close();

/** Writes a version until it is acknowledged. */
async function insist(text) {
  const content = {
    messages: [{ role: 'user', content: text }],
    vars: { marker: { type: 'string', max: 100 } },
    model: { name: 'default' },
  };
  for (;;) {
    try {
      return await bulla.prompts.push(name, 'text', { content, acceptsMessages: false }, ['production']);
    } catch (error) {
      put({ op: 'tried', code: codeOf(error) });
      await pause(BREAK_MS);
    }
  }
}

async function ask(marker) {
  put({ op: 'asked', marker });
  try {
    const { text } = await bulla.prompt(name).run({ marker }, { timeoutMs: RUN_TIMEOUT_MS });
    put({ op: 'answered', marker, text });
  } catch (error) {
    put({ op: 'refused', marker, code: codeOf(error), why: whyOf(error) });
  }
}

function put(line) {
  writeSync(file, `${JSON.stringify(line)}\n`);
  fsyncSync(file);
}

/** For a person who looks for the cause of a fault. */
function whyOf(error) {
  const why = [];
  for (let at = error; at instanceof Error; at = at.cause) why.push(at.message);
  return why.join(': ');
}

function codeOf(error) {
  return error instanceof BullaError ? error.code : String(error);
}
