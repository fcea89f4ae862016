import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { peakMemoryMiB } from '../memory.js';
import { makeAll, runRequests } from '../requests.js';
import { ready, type World } from '../world.js';
import { startSlowModel } from './slow-model.js';
import { Streams } from './streams.js';
import type { StreamStretch } from './verdicts.js';

/** How often the model says a word. */
const WORD_EVERY_MS = 5_000;
/** A process shows every twenty seconds that its runs live: all of them have been shown by then. */
const HELD_MS = 45_000;
/** So many begin at a time. */
const OPENED_AT_ONCE = 16;
/** Each end is sealed, signed and written: not all at one moment, as answers do not end either. */
const ENDED_PER_SECOND = 40;
const OVER_WITHIN_MS = 60_000;
/** What a refusal asks for, and how many of them are no fault while so many begin at once. */
const RETRY_AFTER_MS = 1_000;
const REFUSED_MAX_SHARE = 0.1;
/** More than are open: what is measured is not the limit. */
const SPARE = 100;

export interface StreamOptions {
  readonly streams: number;
  readonly say: (line: string) => void;
}

/** Opens streams at a responder of their own whose model is slow, and looks how it shows that they live. */
export async function holdStreams(
  world: World,
  { streams: wanted, say }: StreamOptions,
): Promise<{ stretch: StreamStretch; memoryMiB: number }> {
  const model = await startSlowModel(WORD_EVERY_MS);
  const responder = await world.start('responder', {
    BULLA_LLM: model.target,
    BULLA_LLM_MODEL: model.name,
    BULLA_LLM_TIMEOUT_MS: '3600000',
    BULLA_RUNS_MAX: String(wanted + SPARE),
  });
  await ready(responder.url);
  const streams = new Streams(responder.port);
  try {
    say(`opening ${wanted} streams`);
    const make = runRequests(responder.url, world.ground, { stream: true, privacy: 'padded' });
    let refused = 0;
    for (let opened = 0; opened < wanted && refused <= wanted * REFUSED_MAX_SHARE; ) {
      const now = Math.floor(Date.now() / 1000);
      const requests = await makeAll(
        make,
        Array.from({ length: Math.min(OPENED_AT_ONCE, wanted - opened) }, () => now),
      );
      const letIn = (await Promise.all(requests.map((request) => streams.open(request)))).filter(Boolean).length;
      opened += letIn;
      refused += requests.length - letIn;
      if (letIn < requests.length) await pause(RETRY_AFTER_MS);
    }
    const { open } = streams.states();
    say(`${open} streams are open, ${refused} were told to come again; holding them for ${HELD_MS / 1000} s`);
    await pause(HELD_MS);
    const held = Math.min(open, streams.states().open, model.open());
    const signs = await signsOfLife(world.databaseUrl);
    const memoryMiB = peakMemoryMiB(responder.child.pid ?? 0);
    say('ending them');
    await model.finish(ENDED_PER_SECOND);
    await streams.whenOver(OVER_WITHIN_MS);
    return { stretch: { wanted, open: held, ...signs, states: streams.states() }, memoryMiB };
  } finally {
    streams.close();
    await responder.stop();
    await model.close();
  }
}

/** How many runs have shown within the last two beats that they live, and in how many statements: each has one time. */
async function signsOfLife(url: string): Promise<{ shown: number; statements: number }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ shown: number; statements: number }>(
      `select count(*)::int as shown, count(distinct heartbeat)::int as statements
         from responder.invocation where state = 'running' and heartbeat > now() - interval '40 seconds'`,
    );
    return rows[0] ?? { shown: 0, statements: 0 };
  } finally {
    await client.end();
  }
}
