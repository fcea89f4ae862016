import { once } from 'node:events';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { UsageError } from '../usage-error.js';

/** What the command uses of @bulla/testkit, which it loads by name: it ships with the project, not with the command. */
interface TestkitPackage {
  startFakeOpenai(
    script: object,
    port: number,
  ): Promise<{ readonly url: string; readonly requests: readonly unknown[]; stop(): Promise<void> }>;
}

/** `bulla dev …` */
export function addDevCommands(program: Command, context: Context): void {
  const dev = program.command('dev').description('help for those who build on Bulla');
  dev
    .command('fake-openai')
    .description('an OpenAI-compatible server that answers the same to everybody, to try things without a model')
    .option('--port <n>', 'listen on this port (default: a free one)')
    .option('--text <text>', 'what it answers', 'This is an answer of fake-openai, which is not a language model.')
    .addHelpText(
      'after',
      '\nExample, with bulla up in a second terminal:\n  $ bulla dev fake-openai --port 11434\n  $ BULLA_LLM=openai:http://127.0.0.1:11434/v1 bulla up',
    )
    .action((options: { port?: string; text: string }) => fakeOpenai(context, options));
}

async function fakeOpenai({ io, out }: Context, { port = '0', text }: { port?: string; text: string }): Promise<void> {
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError('--port: expected a port from 1 to 65535');
  const testkit = await loadTestkit(io.load);
  const fake = await testkit.startFakeOpenai({ replies: { tokens: text.match(/\S+\s*/g) ?? [] } }, Number(port));
  out.line(`bulla: fake-openai  ${fake.url}`);
  out.line(`bulla: use it with  BULLA_LLM=openai:${fake.url} bulla up`);
  if (!io.signal.aborted) await once(io.signal, 'abort');
  await fake.stop();
  out.talk(`bulla: fake-openai stopped after ${fake.requests.length} requests`);
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
