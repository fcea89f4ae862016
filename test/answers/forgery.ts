import type { PolicyDocument, RootDocument } from '@bulla/crypto';
import { encodeBase64url } from '@bulla/crypto';
import type { Doc, Line, State } from './line.js';
import type { Given, Stock, TagFact } from './stock.js';

/** What a file is put together from, and what its reader has. */
export interface Forgery {
  readonly pin: Line;
  /** Seconds. */
  readonly now: number;
  readonly newer: State | undefined;
  readonly roots: readonly Doc<RootDocument>[];
  readonly policy: Doc<PolicyDocument>;
  /** Of whose state the directory is. */
  readonly directory: State;
  readonly tags: readonly TagFact[];
  readonly envelope: Given;
  readonly head: Given;
  readonly fin: Given;
  readonly question: Given | undefined;
  /** Text, usage, prompt and responder. */
  readonly front: Given;
  readonly deltas: Given;
  readonly cut: 'whole' | 'shorter' | 'doubled' | 'turned';
  /** Share of the file at which a byte is changed. */
  readonly flip: number | undefined;
}

type Random = () => number;
const DAY = 86_400;

export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('there is none to choose from');
  return item;
}

/** A file that is what it says, or that is mixed, cut and dated at random. */
export function drawForgery(random: Random, stock: Stock): Forgery {
  const base = oneOf(random, stock.given);
  const { state } = base;
  const { line, roots, policy } = state;
  const newer = random() < 0.4 ? undefined : oneOf(random, (random() < 0.9 ? line : oneOf(random, stock.lines)).states);
  let forgery: Forgery = {
    pin: line,
    now: base.repliedAt + Math.floor(60 + random() * 400 * DAY),
    newer,
    roots,
    policy,
    directory: state,
    tags: tagsFor(random, stock, base),
    envelope: base,
    head: base,
    fin: base,
    question: random() < 0.5 ? base : undefined,
    front: base,
    deltas: base,
    cut: 'whole',
    flip: undefined,
  };
  for (let left = oneOf(random, [0, 0, 1, 1, 2, 3]); left > 0; left--) forgery = changed(random, stock, forgery);
  return forgery;
}

/** Tags of the version and label, by any signer and of any time. */
function tagsFor(random: Random, { tags }: Stock, { state, ver }: Given): TagFact[] {
  const label = random() < 0.5 ? 'latest' : 'production';
  const fitting = tags.filter(({ line, claims }) => line === state.line && claims.tag === label && claims.ver === ver);
  const early = fitting.filter(({ by, claims }) => by !== 'auditor' && claims.iat < state.at);
  return random() < 0.7 ? early : [oneOf(random, fitting), ...(random() < 0.5 ? [oneOf(random, fitting)] : [])];
}

function changed(random: Random, stock: Stock, forgery: Forgery): Forgery {
  const { envelope, tags, roots } = forgery;
  const { line } = envelope.state;
  const near = stock.given.filter(({ state }) => state.line === line);
  const other = oneOf(random, random() < 0.8 ? near : stock.given);
  const longest = line.newest.roots;
  switch (oneOf(random, KINDS)) {
    case 'part': {
      const part = oneOf(random, ['envelope', 'head', 'fin', 'front', 'deltas'] as const);
      return { ...forgery, [part]: other };
    }
    case 'exchange':
      return { ...forgery, envelope: other, head: other, fin: other, front: other, deltas: other, question: undefined };
    case 'question':
      return { ...forgery, question: random() < 0.5 ? other : undefined };
    case 'directory':
      return { ...forgery, directory: other.state, ...(random() < 0.5 && { policy: other.state.policy }) };
    case 'policy':
      return { ...forgery, policy: other.state.policy };
    case 'more roots':
      return { ...forgery, roots: longest };
    case 'fewer roots':
      return { ...forgery, roots: roots.slice(0, Math.max(1, roots.length - 1)) };
    case 'other roots':
      return { ...forgery, roots: other.state.roots };
    case 'tag more':
      return { ...forgery, tags: [...tags, oneOf(random, stock.tags)] };
    case 'tag by another':
      return { ...forgery, tags: [...tags, oneOf(random, sameplace(stock, tags))] };
    case 'tag less':
      return { ...forgery, tags: tags.slice(1) };
    case 'tags of another':
      return { ...forgery, tags: tagsFor(random, stock, other) };
    case 'cut':
      return { ...forgery, cut: oneOf(random, ['shorter', 'doubled', 'turned'] as const) };
    case 'flip':
      return { ...forgery, flip: random() };
    case 'early':
      return { ...forgery, now: forgery.now - Math.floor(random() * 500 * DAY) };
    default:
      return { ...forgery, pin: other.state.line };
  }
}
const KINDS = [
  'part',
  'exchange',
  'question',
  'directory',
  'policy',
  'more roots',
  'more roots',
  'more roots',
  'fewer roots',
  'other roots',
  'tag more',
  'tag by another',
  'tag less',
  'tags of another',
  'cut',
  'flip',
  'early',
  'pin',
] as const;

function sameplace({ tags }: Stock, [first]: readonly TagFact[]): readonly TagFact[] {
  return first === undefined ? tags : tags.filter(({ line, pos }) => line === first.line && pos === first.pos);
}

/** The file. */
export function fileOf({
  roots,
  policy,
  directory,
  tags,
  envelope,
  head,
  fin,
  question,
  front,
  deltas,
  cut,
  flip,
}: Forgery) {
  const pieces = deltas.made.parts.deltas.map(encodeBase64url);
  const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
  const answer = {
    text: textOf(front),
    usage,
    prompt: { name: 'claims/triage', version: front.ver },
    responder: front.state.line.organisation.responders[0].urn,
    verified: true,
    evidence: {
      root: roots.map(({ token }) => token),
      policy: policy.token,
      directory: directory.directory.token,
      tags: tags.map(({ token }) => token),
      envelope: envelope.made.parts.envelope,
      ...(question && { invocation: question.made.asked.sealed.inner }),
      head: encodeBase64url(head.made.parts.head),
      deltas: cutAs(pieces, cut),
      fin: fin.made.parts.fin,
    },
  };
  const bytes = new Uint8Array(Buffer.from(`${JSON.stringify(answer)}\n`));
  if (flip !== undefined) {
    const at = outsideOfTags(Math.floor(flip * bytes.length), bytes, tags);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
  }
  return bytes;
}

/**
 * The place, or the next after the head of the tag that it is in: a tag by a key that nobody lists is passed over, so that
 * its key may be another where there are tags enough. A tag may stand twice.
 */
function outsideOfTags(at: number, bytes: Uint8Array, tags: readonly TagFact[]): number {
  const file = Buffer.from(bytes);
  let from = 0;
  for (const { token } of tags) {
    const start = file.indexOf(token, from);
    const end = start + token.indexOf('.');
    if (at >= start && at < end) return end + 1;
    from = start + token.length;
  }
  return at;
}

export function textOf({ state, askedAt }: Given): string {
  return `${state.line.organisation.org} ${askedAt} said so.`;
}

function cutAs(pieces: readonly string[], cut: Forgery['cut']): readonly string[] {
  if (cut === 'shorter') return pieces.slice(0, -1);
  if (cut === 'doubled') return [...pieces, ...pieces.slice(-1)];
  return cut === 'turned' ? pieces.toReversed() : pieces;
}
