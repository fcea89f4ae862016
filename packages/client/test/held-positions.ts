import type { Approval } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { parseLabelFreshness, parseTag } from '@bulla/crypto';
import type { HeldApprovals } from './held-approvals.js';
import { page } from './page.js';
import type { Handlers, Incoming } from './signed-service.js';

export interface Position {
  readonly prompt: string;
  readonly version: number;
  readonly seq: number;
  readonly tags: readonly string[];
}

/** The prompts of the vault that labels are of. */
interface Prompts {
  readonly trust: () => Trust;
  /** The one of this id. @throws {Problem} not_found if it is deleted or never was */
  readonly now: (params: Incoming['params']) => { readonly id: string; readonly name: string };
  /** The one of this id, a deleted one included. */
  readonly ever: (params: Incoming['params']) => { readonly name: string } | undefined;
}

/** Where labels stand in a vault in memory, and what it answers about them. */
export class HeldPositions {
  /** What renewers say of positions, by the first tag of each. */
  readonly words = new Map<string, string[]>();
  /** By `name label`, oldest first. */
  readonly all = new Map<string, Position[]>();
  readonly #approvals: HeldApprovals;
  readonly #prompts: Prompts;

  constructor(approvals: HeldApprovals, prompts: Prompts) {
    this.#approvals = approvals;
    this.#prompts = prompts;
  }

  wordsOf({ tags }: Position): string[] {
    return this.words.get(tags[0] ?? '') ?? [];
  }

  newest(name: string, label: string): Position | undefined {
    return this.all.get(`${name} ${label}`)?.at(-1);
  }

  handlers(): Handlers {
    return {
      'label.get': ({ params }) => {
        const label = params['label'] ?? '';
        const position = this.newest(this.#prompts.now(params).name, label);
        if (position === undefined) throw new Problem('label_not_found');
        const { version, seq, tags } = position;
        return { body: { label, version, seq, tags, fresh: this.wordsOf(position) } };
      },
      'label.list': ({ params }) => {
        const { name } = this.#prompts.now(params);
        const data = this.borneBy(name).map(([label, position]) => {
          const { version, seq, tags } = position;
          return { label, version, seq, tags, fresh: this.wordsOf(position) };
        });
        return { body: { data } };
      },
      'label.all': ({ query }) => {
        const data = [...this.all].flatMap(([key, positions]) => {
          const [name = '', label = ''] = key.split(' ');
          const position = positions.at(-1);
          return position === undefined ? [] : [{ name, label, ...position, fresh: this.wordsOf(position) }];
        });
        return { body: page(data, query) };
      },
      'label.freshen': ({ body }) => {
        const { fresh } = body as { fresh: string[] };
        for (const token of fresh) {
          const { name, tag, seq } = parseLabelFreshness(token).claims;
          const position = this.newest(name, tag);
          if (position?.seq === seq) this.words.set(position.tags[0] ?? '', [token]);
        }
        return { body: { taken: fresh.length } };
      },
      'label.move': ({ params, body, headers }) => {
        const { id, name } = this.#prompts.now(params);
        const { tags } = body as { tags: [string] };
        const newest = this.requireNext(name, tags[0]);
        if (headers['if-match'] !== `"${newest}"`) throw new Problem('label_stale');
        return this.move(id, tags);
      },
      'label.confirm': ({ params, body }) => {
        const label = params['label'] ?? '';
        const { name } = this.#prompts.now(params);
        const { tag } = body as { tag: string };
        const positions = this.all.get(`${name} ${label}`) ?? [];
        const newest = positions.at(-1);
        if (newest === undefined || parseTag(tag).claims.seq !== newest.seq) throw new Problem('label_stale');
        const { iss } = parseTag(tag).claims;
        const others = newest.tags.filter((token) => parseTag(token).claims.iss !== iss);
        const confirmed = { ...newest, tags: [...others, tag] };
        this.words.set(confirmed.tags[0] ?? '', this.wordsOf(newest));
        this.all.set(`${name} ${label}`, [...positions.slice(0, -1), confirmed]);
        return { body: { label, version: newest.version, seq: newest.seq, tags: confirmed.tags } };
      },
      'label.chain': ({ params, query }) => {
        const { name = '' } = this.#prompts.ever(params) ?? {};
        const positions = this.all.get(`${name} ${params['label']}`) ?? [];
        const after = positions.filter(({ seq }) => seq > Number(query.get('from') ?? 0));
        const moves = after.map(({ tags: [token = ''] }) => parseTag(token).claims);
        return {
          body: page(
            moves.map(({ sub, ver, chash, prev }) => ({ sub, ver, chash, prev })),
            query,
          ),
        };
      },
      'label.history': ({ params, query }) => {
        const label = params['label'] ?? '';
        const positions = this.all.get(`${this.#prompts.now(params).name} ${label}`) ?? [];
        const shown = positions.map(({ version, seq, tags }) => ({ label, version, seq, tags }));
        return { body: page(shown.toReversed(), query) };
      },
    };
  }

  /** Tags move a label, or wait with those that are there until they are enough. */
  /** @returns the position that a tag follows. @throws {Problem} label_stale where it does not follow it */
  requireNext(name: string, token: string): number {
    const { seq, tag: label } = parseTag(token).claims;
    const newest = this.newest(name, label)?.seq ?? 0;
    if (seq !== newest + 1) throw new Problem('label_stale');
    return newest;
  }

  move(prompt: string, tags: readonly string[]): { status?: number; body: unknown } {
    const [token = ''] = tags;
    const { name, ver: version, chash, seq, tag: label } = parseTag(token).claims;
    const isSame = (one: Approval) =>
      one.state === 'open' && one.name === name && one.label === label && one.seq === seq && one.chash === chash;
    const waiting = [...this.#approvals.all.values()].filter(isSame).flatMap(({ tags: given }) => given);
    const approval = this.#approvals.gather(prompt, tags, this.#prompts.trust());
    if (approval !== undefined) {
      const { id, needed } = approval;
      return { status: 202, body: { approval: id, label, seq, version, given: approval.tags.length, needed } };
    }
    const positions = this.all.get(`${name} ${label}`) ?? [];
    this.all.set(`${name} ${label}`, [...positions, { prompt, version, seq, tags: [...waiting, ...tags] }]);
    return { body: { label, seq, version } };
  }

  /** Labels that a name bears now. */
  borneBy(name: string): [string, Position][] {
    return [...this.all].flatMap(([key, positions]): [string, Position][] => {
      const [of, label = ''] = key.split(' ');
      const newest = positions.at(-1);
      return of === name && newest !== undefined && newest.version > 0 ? [[label, newest]] : [];
    });
  }
}
