import { isVisibleName } from '@bulla/crypto';
import * as z from 'zod';
import { brokenAnswer } from './model-error.js';
import type { Upstream } from './upstream.js';
import { type ModelTimeouts, UpstreamWatch } from './upstream-watch.js';

const BYTES_MAX = 1_048_576;
const KEPT_MS = 60_000;
// guard: upstream-listed-names without: const listedNameSchema = z.string().min(1).max(256);
const listedNameSchema = z.string().min(1).max(256).refine(isVisibleName);
const listSchema = z.object({ data: z.array(z.object({ id: listedNameSchema })).max(10_000) });

/** The models that a server lists; what it said is kept for a minute. */
export class UpstreamList {
  #listed: { readonly names: readonly string[]; readonly untilMs: number } | undefined;

  constructor(
    private readonly upstream: Upstream,
    private readonly path: string,
    private readonly timeouts: ModelTimeouts,
  ) {}

  /** Asks for nothing else, in as long as a run may take. @throws as names; the signal's reason when it was aborted */
  async ask(signal: AbortSignal): Promise<readonly string[]> {
    const watch = new UpstreamWatch(this.timeouts.totalMs, signal);
    try {
      return await this.names('doctor', watch);
    } finally {
      watch.end();
    }
  }

  /** @throws {ModelError} as the server fails; upstream_unavailable for what is no list */
  async names(requestId: string, watch: UpstreamWatch): Promise<readonly string[]> {
    if (this.#listed !== undefined && Date.now() < this.#listed.untilMs) return this.#listed.names;
    const { firstByteMs, idleMs } = this.timeouts;
    const call = {
      method: 'GET',
      path: this.path,
      accept: 'application/json',
      requestId,
      bytesMax: BYTES_MAX,
    } as const;
    const body = await this.upstream.send(call, watch);
    const pieces: Uint8Array[] = [];
    for (let bytes = await body.read(firstByteMs, 'no list of models'); bytes !== undefined; ) {
      pieces.push(bytes);
      bytes = await body.read(idleMs, 'no list of models');
    }
    const names = parseModels(Buffer.concat(pieces));
    this.#listed = { names, untilMs: Date.now() + KEPT_MS };
    return names;
  }
}

function parseModels(bytes: Uint8Array): readonly string[] {
  try {
    const list = listSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    return list.data.map((model) => model.id);
  } catch {
    throw brokenAnswer('it is no list of models');
  }
}
