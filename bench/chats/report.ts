import type { Verdict } from '../figures.js';
import type { Machine } from '../machine.js';
import type { ChatCosts, Costs } from './costs.js';
import type { StreamCosts } from './streams.js';

/** Of what a run of a stored prompt takes. */
const CHAT_MAX = 1.1;
const SHARED_MAX = 0.7;
const CHUNK_MICROSECONDS_MAX = 60;
/** What a stream four times as long may need more, in MiB: less than its bytes, and what comes and goes between two looks. */
const MORE_MIB_MAX = 4;

export interface ChatsReport {
  readonly machine: Machine;
  readonly date: string;
  readonly costs: ChatCosts;
  readonly streams: StreamCosts;
}

/** Everything that was measured, as Markdown: it is read on the terminal and kept in RESULTS.md. */
export function textOf(report: ChatsReport): string {
  const { machine, date, costs, streams } = report;
  const { cpu, cores, node, postgres } = machine;
  const row = (what: string, { vault, responder }: Costs) =>
    `| ${what} | ${vault.toFixed(2)} ms | ${responder.toFixed(2)} ms | ${(vault + responder).toFixed(2)} ms |`;
  return [
    '# Chats',
    '',
    `${date.slice(0, 10)}. ${cpu}, ${cores} cores; Node ${node.slice(1)}, ${postgres}. Services, database and clients share the machine. Processor time is user and system of each service’s process.`,
    '',
    '| processor time for each question | vault | responder | both |',
    '|---|---|---|---|',
    row('a stored prompt', costs.prompt),
    row('a chat of 1 KiB, under an envelope of its own', costs.chat),
    row('the same, under an envelope for a hundred', costs.shared),
    '',
    '| streams of a model that speaks as fast as it can | |',
    '|---|---|',
    `| responder, for each chunk | ${streams.microsecondsEach.toFixed(0)} µs |`,
    `| most that is live in a stream of 8,000 chunks, and in one of 32,000 | ${streams.shortMiB.toFixed(1)} MiB and ${streams.longMiB.toFixed(1)} MiB |`,
    '',
    ...verdictsOf(report).map(({ what, held }) => `- ${held ? 'held' : '**missed**'}: ${what}`),
    '',
  ].join('\n');
}

export function verdictsOf({
  costs: { prompt, chat, shared },
  streams,
}: Pick<ChatsReport, 'costs' | 'streams'>): Verdict[] {
  const both = ({ vault, responder }: Costs) => vault + responder;
  const ratio = both(chat) / both(prompt);
  const sharedRatio = both(shared) / both(prompt);
  const more = streams.longMiB - streams.shortMiB;
  return [
    { what: `a chat takes at most ${CHAT_MAX} of a stored prompt (${ratio.toFixed(2)})`, held: ratio <= CHAT_MAX },
    {
      what: `under a shared envelope it takes at most ${SHARED_MAX} (${sharedRatio.toFixed(2)})`,
      held: sharedRatio <= SHARED_MAX,
    },
    {
      what: `a chunk of a stream takes at most ${CHUNK_MICROSECONDS_MAX} µs of the responder (${streams.microsecondsEach.toFixed(0)})`,
      held: streams.microsecondsEach <= CHUNK_MICROSECONDS_MAX,
    },
    {
      what: `a stream of 32,000 chunks needs no more memory than one of 8,000, within ${MORE_MIB_MAX} MiB (${more.toFixed(1)})`,
      held: more <= MORE_MIB_MAX,
    },
  ];
}
