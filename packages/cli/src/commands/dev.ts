import { once } from 'node:events';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { readText, writeWhole } from '../input/files.js';
import { UsageError } from '../input/usage-error.js';

/** What the command uses of @bulla/testkit, which it loads by name: it ships with the project, not with the command. */
interface TestkitPackage {
  startFakeOpenai(script: object, port: number): Promise<FakeOpenai>;
  /** Throws an error that names what is wrong with it. */
  parseScript(json: string): object;
}

interface FakeOpenai {
  readonly url: string;
  readonly requests: readonly unknown[];
  readonly receivedBytes: Uint8Array;
  readonly completed: readonly string[];
  completionsOf(requestId: string): { readonly started: number; readonly finished: number };
  stop(): Promise<void>;
}

interface FakeOptions {
  readonly port?: string;
  readonly text: string;
  readonly script?: string;
  readonly record?: string;
}

/** `bulla dev …` */
export function addDevCommands(program: Command, context: Context): void {
  const dev = program.command('dev').description('help for those who build on Bulla');
  dev
    .command('fake-openai')
    .description('an OpenAI-compatible server that answers the same to everybody, to try things without a model')
    .option('--port <n>', 'listen on this port (default: a free one)')
    .option('--text <text>', 'what it answers', 'This is an answer of fake-openai, which is not a language model.')
    .option('--script <file>', 'answer, or fail, as this JSON file says (see the guide to models)')
    .option('--record <file>', 'in the end, write every byte that came into this file')
    .option('--json', 'print where it listens as JSON')
    .addHelpText(
      'after',
      '\nExample, with bulla up in a second terminal:\n  $ bulla dev fake-openai --port 11434\n  $ BULLA_LLM=openai:http://127.0.0.1:11434/v1 bulla up',
    )
    .action((options: FakeOptions) => fakeOpenai(context, options));
}

async function fakeOpenai(context: Context, { port = '0', text, script, record }: FakeOptions): Promise<void> {
  const { io, out, asJson } = context;
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError('--port: expected a port from 1 to 65535');
  const testkit = await loadTestkit(io.load);
  const scripted = script === undefined ? undefined : readScript(testkit, await readText(io, script));
  const fake = await testkit.startFakeOpenai(
    scripted ?? { replies: { tokens: text.match(/\S+\s*/g) ?? [] } },
    Number(port),
  );
  context.result({ state: 'ready', url: fake.url }, `bulla: fake-openai  ${fake.url}`);
  if (!asJson) out.line(`bulla: use it with  BULLA_LLM=openai:${fake.url} bulla up`);
  if (!io.signal.aborted) await once(io.signal, 'abort');
  await fake.stop();
  for (const id of fake.completed) {
    const { started, finished } = fake.completionsOf(id);
    const line = `${id === '' ? '-' : id}  ${started} begun  ${finished} sent whole`;
    if (asJson) out.talk(line);
    else out.line(line);
  }
  if (record !== undefined) await writeWhole(record, fake.receivedBytes);
  out.talk(`bulla: fake-openai stopped after ${fake.requests.length} requests`);
}

function readScript(testkit: TestkitPackage, json: string): object {
  try {
    return testkit.parseScript(json);
  } catch (error) {
    throw new UsageError(`--script: ${(error as Error).message}`);
  }
}

async function loadTestkit(load: Context['io']['load']): Promise<TestkitPackage> {
  try {
    return (await load('@bulla/testkit')) as TestkitPackage;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'the testkit is not installed here',
      'run this in the project folder, after `npm ci` and `npm run build`',
    );
  }
}
