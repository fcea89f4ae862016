/** Golden vectors of the positions of labels. */
import { createHash } from 'node:crypto';
import { acme } from './golden.mjs';

/** `pos` of a position, by docs/spec/tag.md. */
export function positionHash(position) {
  return createHash('sha256').update(JSON.stringify(position)).digest('base64url');
}

const hashOf = (text) => createHash('sha256').update(text).digest('base64url');
const PLACE = { name: 'claims/triage', label: 'production' };
const promptAt = (index) => `urn:bulla:${acme.org}:prompt:${acme.prompts[index]}`;

/** Moves after a position, and where each leads: to a version, to nowhere, to another prompt that took the name. */
function chainFrom(start) {
  const moves = [
    { sub: promptAt(0), ver: 1, chash: hashOf('a content') },
    { sub: promptAt(0), ver: 2, chash: hashOf('another content') },
    { sub: promptAt(0), ver: 0, chash: '' },
    { sub: promptAt(1), ver: 1, chash: hashOf('a content of another prompt') },
  ];
  const tuples = [];
  const path = [];
  let { seq, pos } = start;
  for (const move of moves) {
    const tuple = { ...move, prev: pos };
    seq += 1;
    pos = positionHash([PLACE.name, PLACE.label, seq, tuple.sub, tuple.ver, tuple.chash, tuple.prev]);
    tuples.push(tuple);
    path.push({ seq, pos });
  }
  return { tuples, path };
}

const LATER = { seq: 41, pos: hashOf('a position') };
const STARTS = [
  { from: 'the beginning', head: { seq: 0, pos: '' } },
  { from: 'a position', head: LATER },
];

export function labelChain() {
  const cases = [];
  const add = (name, input, expected) => {
    cases.push({ op: 'verify', name, input: { ...PLACE, ...input }, expected });
  };
  const refuse = (name, input, check) => add(name, input, { refused: 'trust_rollback', check });
  for (const { from, head } of STARTS) {
    const { tuples, path } = chainFrom(head);
    const whole = { head, next: path[3], tuples };
    const good = (name, input, steps) =>
      add(`from ${from}: ${name}`, { ...whole, ...input }, { ok: { path: steps.map(({ pos }) => pos) } });
    const bad = (name, input, check) => refuse(`from ${from}: ${name}`, { ...whole, ...input }, check);
    good('four moves', {}, path);
    good('one move', { next: path[0], tuples: tuples.slice(0, 1) }, path.slice(0, 1));
    good('no move', { next: head, tuples: [] }, []);
    good('moves that follow', { next: path[1] }, path.slice(0, 2));
    good('from the second on', { head: path[1], tuples: tuples.slice(2) }, path.slice(2));
    bad('a move left out', { tuples: tuples.toSpliced(1, 1) }, 'tag-chain');
    bad('the last move left out', { tuples: tuples.slice(0, 3) }, 'tag-chain');
    bad('a move more', { tuples: [tuples[0], ...tuples] }, 'tag-chain');
    bad('two moves in another order', { tuples: [tuples[1], tuples[0], ...tuples.slice(2)] }, 'tag-chain');
    bad('another version', { tuples: tuples.with(1, { ...tuples[1], ver: 3 }) }, 'tag-chain');
    bad(
      'another content in the last move',
      { tuples: tuples.with(3, { ...tuples[3], chash: LATER.pos }) },
      'tag-chain',
    );
    bad('another prompt in the last move', { tuples: tuples.with(3, { ...tuples[3], sub: promptAt(0) }) }, 'tag-chain');
    bad('a beginning within', { tuples: tuples.with(2, { ...tuples[2], prev: '' }) }, 'tag-chain');
    bad('another name', { name: 'claims/other' }, 'tag-chain');
    bad('another label', { label: 'latest' }, 'tag-chain');
    bad('an older position', { head: path[1], next: path[0] }, 'tag-sequence');
    bad('another position of the same number', { head: path[1], next: { ...path[1], pos: LATER.pos } }, 'tag-fork');
  }
  return { format: 'label-chain', values: {}, cases };
}
