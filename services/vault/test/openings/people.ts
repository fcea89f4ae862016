import type { DirectoryDocument, KeyPair, Recipient, SealAlg, Unwrapper } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { keysOf } from '../renewing.js';
import { recipientOf } from '../authoring.js';
import type { TestMember } from '../running-vault.js';
import type { Who } from './model.js';
import { EVERYBODY } from './model.js';

/** Somebody in a walk, with every key that they ever had. */
interface Member extends TestMember {
  readonly unwrappers: Unwrapper[];
}

type Rights = Parameters<TestOrganisation['makeDevice']>[1];
type ChangeDirectory = (draft: DirectoryDocument) => void;

const DAY_SECONDS = 86_400;
/** Who is new in each walk; the others stay. */
const NEW: Readonly<Partial<Record<Who, Rights>>> = {
  ann: { roles: ['author'], groups: ['grp:authors'] },
  desk: { roles: ['invoker'], groups: ['grp:support'] },
  ben: { roles: ['invoker'], groups: ['grp:support'] },
  cat: { roles: ['auditor'], groups: [] },
  eva: { roles: ['author'], groups: [] },
};

/** The people and responders of one walk, and all their private keys. */
export class People {
  readonly #acme: TestOrganisation;
  readonly #members: ReadonlyMap<Who, Member>;

  private constructor(acme: TestOrganisation, members: ReadonlyMap<Who, Member>) {
    this.#acme = acme;
    this.#members = members;
  }

  /** @param walk a name that no other walk of this organisation has */
  static async make(acme: TestOrganisation, walk: string): Promise<People> {
    const made = new Map<Who, TestMember>([
      ['owner', acme.owner],
      ['eu1', acme.responders[0]],
      ['eu2', acme.responders[1]],
      ['far', await acme.makeResponder(walk)],
    ]);
    for (const [who, rights] of Object.entries(NEW))
      made.set(who as Who, await acme.makeDevice(`${walk} ${who}`, rights));
    const [ann, desk] = [made.get('ann'), made.get('desk')];
    if (ann?.entity.kind === 'device' && desk?.entity.kind === 'device')
      made.set('desk', { ...desk, entity: { ...desk.entity, user: ann.entity.user } });
    const members = new Map<Who, Member>();
    for (const [who, member] of made) members.set(who, { ...member, unwrappers: [await member.unwrapper()] });
    return new People(acme, members);
  }

  get(who: Who): Member {
    const member = this.#members.get(who);
    if (member === undefined) throw new Error(`nobody is called ${who}`);
    return member;
  }

  /** What lists those who are new. */
  get listing(): ChangeDirectory {
    return (draft) => {
      for (const who of ['far', ...Object.keys(NEW)]) {
        const { urn, entity } = this.get(who as Who);
        draft.entities[urn] = entity;
      }
    };
  }

  /** The first key that things are sealed to, of everybody. */
  firstKeys(): ReadonlyMap<Who, string> {
    return new Map(EVERYBODY.map((who) => [who, this.get(who).enc?.kid ?? '']));
  }

  /** Whom something is sealed to now. */
  recipient(who: Who): Recipient {
    const member = this.get(who);
    const [newest] = this.#acme.trust.activeKeys(member.urn, 'unwrap', this.#acme.now);
    return newest ?? recipientOf(member);
  }

  /** Somebody as an author has to see them: with the key that things are sealed to now. */
  current(who: Who): TestMember {
    const member = this.get(who);
    const { record } = this.recipient(who);
    const enc = { ...member.enc, kid: record.kid } as KeyPair;
    return { ...member, entity: { ...member.entity, keys: [record] }, enc };
  }

  /** A new encryption key for somebody, beside those that they have; what it returns lists it. */
  async renew(who: Who): Promise<{ readonly kid: string; readonly listing: ChangeDirectory }> {
    const { kid, alg, suite, publicJwk: jwk, privateJwk } = await generateKeyPair('p256', 'enc');
    const { now, trust } = this.#acme;
    const { urn, unwrappers } = this.get(who);
    // The younger one is the one that starts later.
    const start = Math.max(...(trust.entity(urn)?.keys ?? []).map(({ nbf }) => nbf)) + 1;
    const times = { nbf: start, use_until: now + 90 * DAY_SECONDS, end: now + 120 * DAY_SECONDS };
    unwrappers.unshift(await loadUnwrapper(privateJwk, alg as SealAlg));
    const record = { kid, use: 'enc', alg, suite, pur: ['unwrap'], ...times, jwk } as const;
    return { kid, listing: (draft) => void keysOf(draft, urn).unshift({ ...record, pur: [...record.pur] }) };
  }
}
