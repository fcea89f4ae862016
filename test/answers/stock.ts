import type { DirectoryDocument, EnvelopeClaims, TagClaims } from '@bulla/crypto';
import { organisationUrn, positionHash, positionOf, signTag, Trust, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { Exchange } from '../../packages/crypto/test/answers.js';
import { castOfMembers, exchange } from '../../packages/crypto/test/answers.js';
import { envelopeClaims } from '../../packages/crypto/test/exchange.js';
import type { State } from './line.js';
import { Line } from './line.js';

const DAY = 86_400;
const T0 = 1_800_000_000;
const NAME = 'claims/triage';
const PROMPT = 'prm_01kbz2p8e4fxq9m3y7t5w6v8na';
/** Before the first answer, between two, and long after the last. */
const EARLY = T0 - DAY;
const BETWEEN = T0 + 7 * DAY;
const LATE = T0 + 60 * DAY;

type Member = 'owner' | 'author' | 'auditor';

/** A tag, with what it says. */
export interface TagFact {
  readonly token: string;
  readonly line: Line;
  readonly by: Member;
  readonly kid: string;
  readonly claims: TagClaims;
  readonly pos: string;
}

/** An answer that was given, in a state, with what was so. */
export interface Given {
  readonly state: State;
  readonly made: Exchange;
  readonly askedAt: number;
  readonly repliedAt: number;
  readonly ver: number;
  readonly chash: string;
  readonly asker: { readonly urn: string; readonly kid: string };
  readonly kids: { readonly envelope: string; readonly fin: string; readonly question: string };
}

/** Everything that files are put together from. */
export interface Stock {
  readonly lines: readonly Line[];
  readonly given: readonly Given[];
  readonly tags: readonly TagFact[];
}

const chashOf = (ver: number) => String(ver).repeat(42).concat('A');

/** Five organisations: a plain one, one with a rotated root, one that became production, one that changed, one of many hands. */
export async function makeStock(): Promise<Stock> {
  const start = async (org: string, policy = {}) =>
    Line.start(await makeOrganisation({ org, now: T0, suite: 'p256', policy }));
  const production = { groups: ['grp:release'], threshold: 2 };
  const plain = await start('plain');
  const rotated = await start('rotated');
  const grown = await start('grown');
  const changed = await start('changed');
  const many = await start('many', { labels: { production } });
  const lines = [plain, rotated, grown, changed, many];
  for (const line of lines) await line.publish(T0 + 5 * DAY, {});
  await rotated.publish(T0 + 20 * DAY, { root: { newDirectoryKey: true } });
  await grown.publish(T0 + 20 * DAY, { root: { profile: 'production' } });
  // Keys that sign no more: an author's, who signed a tag after it, and a responder's, of whose answers most are late.
  await plain.publish(T0 + 10 * DAY, { directory: deactivating(plain.organisation.author.urn, T0 + 6 * DAY) });
  const [responder] = plain.organisation.responders;
  await plain.publish(T0 + 15 * DAY, { directory: deactivating(responder.urn, T0 + 15 * DAY) });
  await changed.publish(T0 + 10 * DAY, { policy: (draft) => Object.assign(draft.labels, { production }) });
  await changed.publish(T0 + 15 * DAY, { directory: revoking(changed.organisation.author.signer.kid, T0 + 15 * DAY) });
  await changed.publish(T0 + 20 * DAY, {
    directory: (draft) => draft.withdrawn.push({ sub: urnOf('changed', 'prompt', PROMPT), below: 2 }),
  });
  await changed.publish(T0 + 25 * DAY, { directory: without(changed.organisation.invoker.urn) });
  await rotated.publish(T0 + 30 * DAY, {});
  // A thief of the first directory key dates what it likes.
  const [, second] = rotated.states;
  const stolen = second && (await Promise.all([12, 24].map((days) => rotated.steal(second, T0 + days * DAY))));
  const states = [...lines.flatMap((line) => line.states), ...(stolen ?? [])];
  const given = (await Promise.all(states.map(givenIn))).flat();
  return { lines, given, tags: (await Promise.all(lines.map(tagsOf))).flat() };
}

function revoking(kid: string, at: number) {
  return (draft: DirectoryDocument) => void draft.revoked.push({ kid, reason: 'keyCompromise', at });
}

/** The signing keys of an entity sign no more from then on. */
function deactivating(urn: string, from: number) {
  return (draft: DirectoryDocument) => {
    for (const record of draft.entities[urn]?.keys ?? [])
      if (record.use === 'sig') Object.assign(record, { nbf: Math.min(record.nbf, from), use_until: from });
  };
}

function without(urn: string) {
  return (draft: DirectoryDocument) => {
    const { [urn]: _gone, ...others } = draft.entities;
    draft.entities = others;
  };
}

/** Answers of two versions, to who may ask and to who may not. */
async function givenIn(state: State): Promise<Given[]> {
  const { organisation } = state.line;
  const { invoker, owner, author } = organisation;
  const plans = [
    { ver: 1, asker: invoker },
    { ver: 2, asker: invoker },
    { ver: 2, asker: author },
    { ver: 1, asker: owner },
  ];
  return Promise.all(plans.map(({ ver, asker }, at) => give(state, ver, asker, state.at + 3600 * (at + 1))));
}

async function give(state: State, ver: number, by: TestOrganisation['owner'], at: number): Promise<Given> {
  const { line, roots, policy, directory } = state;
  const { organisation } = line;
  const { org, pin } = organisation;
  const tokens = { roots: roots.map(({ token }) => token), policy: policy.token, directory: directory.token };
  const options = { org, pin, now: at, acceptExpired: true, underStatedRoot: true };
  const trust = await Trust.establish(tokens, options);
  const members = await castOfMembers(organisation, PROMPT);
  const cast = { ...members, trust, now: at, asker: by };
  const chash = chashOf(ver);
  const envelope: EnvelopeClaims = envelopeClaims(cast, { prm: { id: PROMPT, name: NAME, ver, chash } });
  const made = await exchange(cast, organisation.author, { envelope, contents: [`${org} ${at}`, ' said', ' so.'] });
  const { kid } = by.signer;
  const [responder] = organisation.responders;
  return {
    state,
    made,
    askedAt: at,
    repliedAt: at + 5,
    ver,
    chash,
    asker: { urn: by.urn, kid },
    kids: { envelope: organisation.vault.signer.kid, fin: responder.signer.kid, question: kid },
  };
}

/** Tags of an organisation: two positions of each of two labels, by three people, at three times. */
async function tagsOf(line: Line): Promise<TagFact[]> {
  const { organisation } = line;
  const { org } = organisation;
  const facts: TagFact[] = [];
  for (const label of ['latest', 'production']) {
    let prev = '';
    for (const seq of [1, 2]) {
      const place = { name: NAME, tag: label, ver: seq, chash: chashOf(seq), seq, prev };
      let pos = '';
      for (const by of ['owner', 'author', 'auditor'] as const)
        for (const iat of [EARLY, BETWEEN, LATE]) {
          const { urn, signer } = organisation[by];
          const of = { iss: urn, aud: organisationUrn(org), sub: urnOf(org, 'prompt', PROMPT) };
          const claims: TagClaims = { ...of, ...place, iat, exp: iat + 300 * DAY, purpose: 'prompt.tag' };
          pos = await positionHash(positionOf(claims));
          facts.push({ token: await signTag(claims, signer), line, by, kid: signer.kid, claims, pos });
        }
      prev = pos;
    }
  }
  return facts;
}
