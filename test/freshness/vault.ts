import { Problem, problemDocument } from '@bulla/contract';
import type { ChainTuple, EnvelopeClaims } from '@bulla/crypto';
import { mintId, parseDirectoryFreshness, parseGrant, parseTag, signEnvelope, tokenHash, utf8 } from '@bulla/crypto';
import { requestSummary, requestTargetOf, signResponse } from '@bulla/crypto/http';
import { thresholdOf, waitingSecondsOf } from './directories.js';
import type { History, KnownPosition } from './history.js';
import { pathTo, peopleFor } from './history.js';
import type { LabelName, Setting } from './organisation.js';
import { LABELS, NAME } from './organisation.js';
import type { View } from './view.js';
import { shownDirectory, shownDirectoryWords, shownHead, shownTags, shownWords } from './view.js';

export const VAULT_URL = 'http://127.0.0.1:2';
const TIME = '2026-11-25T00:00:00.000Z';

/** What somebody signed and sent. */
export interface Act {
  readonly kind: 'move' | 'approve' | 'confirm' | 'word';
  readonly position: KnownPosition;
}

/** Somebody who asks, what they are shown, and what they signed while they were shown it. */
export interface Caller {
  readonly urn: string;
  readonly kid: string;
  view: View;
  acts: Act[];
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: never;
}
interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** A vault without a socket: it shows each caller what it chooses, and keeps whatever anybody signed. */
export class WalkVault {
  readonly #setting: Setting;
  readonly #history: History;
  readonly #now: () => number;

  constructor(setting: Setting, history: History, now: () => number) {
    this.#setting = setting;
    this.#history = history;
    this.#now = now;
  }

  /** `fetch` for a caller. */
  fetchFor(caller: Caller): typeof fetch {
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const { method = 'GET', headers = {}, body } = init ?? {};
      const request: Asked = {
        method,
        path: url.pathname,
        query: url.searchParams,
        headers: headers as Record<string, string>,
        body: (body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : undefined) as never,
      };
      if (url.pathname.startsWith('/.well-known/')) return this.#public(request, caller.view);
      return this.#signed(url, request, caller);
    };
  }

  #public({ path, query }: Asked, view: View): Response {
    const shown = shownDirectory(this.#history, view);
    const { roots, policy, directory } = shown.documents;
    const [, root] = /\/root\/(\d+)\.json$/.exec(path) ?? [];
    if (root !== undefined) return textOf(roots[Number(root) - 1]);
    if (path.endsWith('/policy.json')) return textOf(policy);
    if (path.endsWith('/directory.json')) return textOf(directory);
    if (path.endsWith('/restored.json')) return textOf(JSON.stringify({ v: 1, restored: null }));
    if (path.endsWith('/fresh.json'))
      return textOf(JSON.stringify({ v: 1, fresh: shownDirectoryWords(this.#history, shown, view) }));
    const from = Number(query.get('from'));
    return textOf(JSON.stringify({ v: 1, hashes: shown.hashes.slice(from - 1) }));
  }

  async #signed(url: URL, request: Asked, caller: Caller): Promise<Response> {
    const { member, keyid } = this.#signer();
    let answer: Answer;
    let contentType = 'application/json';
    try {
      answer = await this.#answer(request, caller);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const nowMs = this.#now() * 1000;
      const document = problemDocument(error, { requestId: 'request-1', origin: 'vault', nowMs });
      answer = { status: error.status, body: document };
      contentType = 'application/problem+json';
    }
    const { status = 200 } = answer;
    const body = utf8(JSON.stringify(answer.body));
    const summary = requestSummary(requestTargetOf(request.method, url), request.headers['signature']);
    const fields = await signResponse(
      { status, contentType, body, request: summary },
      { keyid, signer: member, now: this.#now() },
    );
    return new Response(body, { status, headers: { 'content-type': contentType, ...fields } });
  }

  #signer() {
    const { signer: member, keyid } = this.#setting.organisation.vault;
    return { member, keyid };
  }

  async #answer(request: Asked, caller: Caller): Promise<Answer> {
    const { method, path, body } = request;
    const [, name, part] = /\/labels\/([a-z]+)(?:\/(tags|chain))?$/.exec(path) ?? [];
    const label = name as LabelName;
    if (path.endsWith('/labels/freshness')) return this.#freshen(caller, body);
    if (path.endsWith('/api/v1/labels')) return { body: { data: this.#standing(caller), next_cursor: null } };
    if (part === 'chain') return { body: this.#chain(caller, label, request.query) };
    if (part === 'tags') return this.#confirm(caller, label, body);
    if (name !== undefined && method === 'GET') return { body: this.#position(caller, label) };
    if (name !== undefined) return this.#move(caller, (body as { tags: string[] }).tags[0] ?? '');
    if (path.endsWith('/freshness')) return this.#freshenDirectory(caller, body);
    const [, approval, tags] = /\/approvals\/([a-z0-9_]+)(\/tags)?$/.exec(path) ?? [];
    if (tags !== undefined) return this.#move(caller, (body as { tag: string }).tag, 'approve');
    if (approval !== undefined) return { body: this.#approval(caller, approval) };
    const [, version] = /\/versions\/(\d+)$/.exec(path) ?? [];
    if (version !== undefined) return { body: this.#version(caller, Number(version)) };
    if (path.endsWith('/envelopes')) return { status: 201, body: await this.#issue(caller, request) };
    throw new Problem('not_found');
  }

  #position({ view }: Caller, label: LabelName) {
    const head = shownHead(this.#history, view, label);
    if (head === undefined) throw new Problem('label_not_found');
    const { version, seq } = head;
    return {
      label,
      version,
      seq,
      tags: shownTags(this.#history, head, view),
      fresh: shownWords(this.#history, head, view),
    };
  }

  #standing(caller: Caller) {
    const { id: prompt, name } = this.#setting.prompt;
    const there = LABELS.filter((label) => shownHead(this.#history, caller.view, label) !== undefined);
    return there.map((label) => ({ name, prompt, ...this.#position(caller, label) }));
  }

  #chain({ view }: Caller, label: LabelName, query: URLSearchParams) {
    const head = shownHead(this.#history, view, label);
    const path = head === undefined ? [] : pathTo(head);
    const after = path.filter(({ seq }) => seq > Number(query.get('from') ?? 0));
    const data = after.map(
      ({ sub, version: ver, chash, parent }): ChainTuple => ({ sub, ver, chash, prev: parent?.pos ?? '' }),
    );
    return { data: data.slice(0, Number(query.get('limit') ?? 200)), next_cursor: null };
  }

  /** A tag for the next position: alone, or for those that wait. */
  async #move(caller: Caller, tag: string, kind: Act['kind'] = 'move'): Promise<Answer> {
    const history = this.#history;
    const { view } = caller;
    const position = await history.vote(tag);
    caller.acts.push({ kind, position });
    const { label, seq, version, approval, parent } = position;
    if (position.stands !== undefined) throw new Problem('label_stale');
    const isNext = parent === history.head(label);
    if (!isNext && !(view.takesBranches && parent === shownHead(history, view, label)))
      throw new Problem('label_stale');
    const directory = history.newestDirectory;
    const given = peopleFor(position, directory, this.#now(), { within: waitingSecondsOf(directory) });
    const needed = thresholdOf(directory, label);
    if (given < needed) return { status: 202, body: { approval, label, seq, version, given, needed } };
    if (isNext) history.stand(position);
    // What is taken on a branch is shown to the caller, who looks at it.
    else caller.view = { ...view, instead: new Map([...(view.instead ?? []), [label, position]]) };
    return { body: { label, seq, version } };
  }

  async #confirm(caller: Caller, label: LabelName, { tag }: { tag: string }): Promise<Answer> {
    const shown = shownHead(this.#history, caller.view, label);
    const position = await this.#history.vote(tag);
    caller.acts.push({ kind: 'confirm', position });
    const isThere = position === this.#history.head(label) || (caller.view.takesBranches && position === shown);
    if (!isThere) throw new Problem('label_stale');
    const { version, seq } = position;
    const tags = shownTags(this.#history, position, { ...caller.view, tags: Number.MAX_SAFE_INTEGER, tagsAre: 'all' });
    return { body: { label, version, seq, tags } };
  }

  #freshen(caller: Caller, { fresh }: { fresh: string[] }): Answer {
    for (const token of fresh) {
      const position = this.#history.positionWord(token);
      if (position !== undefined) caller.acts.push({ kind: 'word', position });
    }
    return { body: { taken: fresh.length } };
  }

  #freshenDirectory({ view }: Caller, { fresh }: { fresh: string }): Answer {
    this.#history.directoryWord(fresh);
    const { version } = shownDirectory(this.#history, view).payload;
    if (parseDirectoryFreshness(fresh).claims.dir.ver !== version) throw new Problem('version_conflict');
    return { body: { version } };
  }

  #approval({ view }: Caller, id: string) {
    const position = [...this.#history.positions.values()].find(({ approval }) => approval === id);
    if (position === undefined) throw new Problem('not_found');
    const { label, seq, version, chash, stands } = position;
    const tags = shownTags(this.#history, position, { ...view, tags: Number.MAX_SAFE_INTEGER });
    return {
      id,
      prompt: this.#setting.prompt.id,
      name: NAME,
      label,
      seq,
      version,
      chash,
      tags,
      signers: tags.map((tag) => parseTag(tag).claims.iss),
      needed: thresholdOf(this.#history.newestDirectory, label),
      state: stands === undefined ? 'open' : 'done',
      created_at: TIME,
      expires_at: TIME,
    };
  }

  #version({ urn }: Caller, number: number) {
    const found = this.#setting.versions[number - 1];
    if (found === undefined) throw new Problem('not_found');
    const { version, chash, content, author, grants } = found;
    const grant = grants.find((token) => parseGrant(token).header.aud === urn) ?? null;
    return { version, chash, content, author, created_at: TIME, grant };
  }

  /** An envelope with its bundle. */
  async #issue({ urn, kid, view }: Caller, { body, headers }: Asked) {
    const { organisation, prompt, versions } = this.#setting;
    const { label = 'latest', version, aud } = body as { label?: LabelName; version?: number; aud: string };
    const head = shownHead(this.#history, view, label);
    if (head === undefined || head.version === 0) throw new Problem('label_not_found');
    const sealed = versions[(version ?? head.version) - 1];
    const grant = sealed?.grants.find((token) => parseGrant(token).header.aud === aud);
    if (sealed === undefined || grant === undefined) throw new Problem('not_found');
    const iat = this.#now();
    const { payload: directory, hash } = shownDirectory(this.#history, view);
    const claims: EnvelopeClaims = {
      iss: organisation.vault.urn,
      aud,
      sub: urn,
      iat,
      nbf: iat,
      exp: iat + 120,
      jti: mintId('env'),
      purpose: 'prompt.invoke',
      req: headers['idempotency-key'] ?? '',
      prm: { id: prompt.id, name: prompt.name, ver: sealed.version, chash: sealed.chash },
      whash: await tokenHash(grant),
      cnf: { jkt: kid },
      dir: { ver: directory.version, hash },
      pol: { uses: 1, stream: true },
    };
    const words = shownWords(this.#history, head, view);
    return {
      v: 1,
      env: await signEnvelope(claims, organisation.vault.signer),
      grant,
      content: sealed.content,
      tags: shownTags(this.#history, head, view),
      ...(words.length > 0 && { fresh: words }),
    };
  }
}

function textOf(text: string | undefined): Response {
  return text === undefined ? new Response(null, { status: 404 }) : new Response(text);
}
