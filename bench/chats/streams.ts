import { startFakeOpenai } from '@bulla/testkit';
import { askChat } from '../../services/responder/test/chatting.js';
import type { TestMember } from '../../services/responder/test/asking.js';
import { openReply, replyOfStream } from '../../services/responder/test/asking.js';
import type { ServiceProcess } from '../../test/faults/service-process.js';
import { call } from '../../test/faults/signed-requests.js';
import { processorSeconds } from '../machine.js';
import { INSPECTED, LiveHeap } from '../live-heap.js';
import { asDeployed, ready, type World } from '../world.js';

const SHORT = 8_000;
/** Not much shorter than an answer may be. */
const LONG = 32_000;
const MEASURED = 12;

export interface StreamCosts {
  /** Processor time of the responder for each chunk of the model, in microseconds. */
  readonly microsecondsEach: number;
  /** The most that the responder needs while a stream of 8,000 chunks passes, and one of four times as many, in MiB. */
  readonly shortMiB: number;
  readonly longMiB: number;
}

/** Has a responder pass on streams of a model that speaks as fast as it can; each is opened and verified. */
export async function measureStreams(world: World, say: (line: string) => void): Promise<StreamCosts> {
  const model = await startFakeOpenai();
  const streamOf = async ({ url }: Pick<ServiceProcess, 'url'>, tokens: number) => {
    model.follow({ replies: { tokens: Array.from({ length: tokens }, (_, at) => `word${at % 10} `) } });
    await streamed(world, url, tokens);
  };
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const llm = { BULLA_LLM: `openai:${model.url}`, BULLA_LLM_MODEL: 'm' };
    const responder = await world.start('responder', { ...llm, ...more });
    await ready(responder.url);
    // What is compiled and kept for all of them comes with the first.
    await streamOf(responder, SHORT);
    return responder;
  };
  try {
    const responder = await start();
    const pid = responder.child.pid ?? 0;
    const before = processorSeconds(pid);
    for (let round = 0; round < MEASURED; round++) await streamOf(responder, SHORT);
    const microsecondsEach = ((processorSeconds(pid) - before) * 1e6) / (MEASURED * SHORT);
    say(`responder: ${MEASURED} streams of ${SHORT} chunks: ${microsecondsEach.toFixed(0)} microseconds each`);
    const inspected = await start(asDeployed('responder', INSPECTED));
    const heap = await LiveHeap.of(inspected);
    const mostOf = (tokens: number) => heap.mostUntil(streamOf(inspected, tokens));
    // In turns: what both keep for later counts for both.
    const [, , shortMiB, longMiB] = [await mostOf(SHORT), await mostOf(LONG), await mostOf(SHORT), await mostOf(LONG)];
    heap.close();
    say(
      `responder: at most ${shortMiB.toFixed(1)} MiB live in a stream of ${SHORT}, ${longMiB.toFixed(1)} in one of ${LONG}`,
    );
    return { microsecondsEach, shortMiB, longMiB };
  } finally {
    await model.stop();
  }
}

/** @throws {Error} where the answer is not whole */
async function streamed({ ground: { organisation, askers } }: World, url: string, tokens: number): Promise<void> {
  const asker = askers[0] as TestMember;
  const now = Math.floor(Date.now() / 1000);
  const opt = { stream: true, privacy: 'padded' as const, model: 'default' };
  const asked = await askChat(organisation, {
    asker,
    now,
    envelope: { cnf: { jkt: asker.sig.kid } },
    question: { opt },
  });
  const { status, text } = await call(url, asker, 'POST', '/api/v1/invocations', { body: asked.body });
  if (status !== 200) throw new Error(`the stream was refused: ${status}`);
  const reply = await openReply(organisation, asked, replyOfStream(text), Math.floor(Date.now() / 1000));
  const words = reply.text.trim().split(' ').length;
  if (reply.fin.finish !== 'stop' || words !== tokens) throw new Error(`a stream ended after ${words} tokens`);
}
