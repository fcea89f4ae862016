import type { Bundle, TrustDocuments } from '@bulla/crypto';
import {
  encodeBase64url,
  parseTag,
  positionHash,
  positionOf,
  randomBytes,
  sealContent,
  sealGrant,
  signStatement,
  signTag,
  tokenHash,
  urnOf,
} from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { Bulla, MemoryTrustStore } from '@bulla/client';
import { identityOf } from '../../packages/client/src/connection/identity.js';
import { TestVault } from '../../packages/client/test/vault.js';
import { draftOf } from '../../packages/client/test/world.js';

export const NAME = 'claims/triage';
export const OTHER = 'claims/other';
export const LABEL = 'production';

type Version = ReturnType<TestVault['named']>['versions'][number];
/** A content with its grant to the responder. */
type Written = Pick<Version, 'chash' | 'content'> & { readonly grant: string };

/**
 * A vault whose operator has its keys and its tables, and whatever members of the organisation gave them. It is honest
 * until it is told to lie. Two prompts are in it, written by the owner. It stands here because client, command line and
 * responder are all lied to by it, and only tests of the whole tree may import from all three.
 */
export class HostileVault extends TestVault {
  readonly organisation: TestOrganisation;
  /** The documents before the newest directory. */
  readonly before: TrustDocuments;
  /** Has those who asked before look at everything again. */
  shown: () => Promise<unknown> = () => Promise.resolve();
  /** Has somebody use a bundle. */
  spend: (bundle: Bundle) => Promise<unknown> = () => Promise.resolve();

  private constructor(organisation: TestOrganisation, before: TrustDocuments) {
    super(organisation, () => organisation.now);
    this.organisation = organisation;
    this.before = before;
  }

  /** Starts one for an organisation that has revoked and withdrawn something, and whose responder is at an address. */
  static async start(organisation: TestOrganisation, responderUrl: string): Promise<HostileVault> {
    const before = organisation.documents;
    const { auditor, responders, now } = organisation;
    await organisation.publish((draft) => {
      const responder = draft.entities[responders[0].urn];
      if (responder?.kind === 'responder') responder.url = responderUrl;
      draft.revoked = [{ kid: auditor.sig.kid, reason: 'keyCompromise', at: now }];
      draft.withdrawn = [{ sub: urnOf('acme', 'prompt', 'prm_01kb0000000000000000000000'), below: 2 }];
    });
    const vault = new HostileVault(organisation, before);
    await vault.service.start();
    const author = Bulla.offline({
      url: vault.service.url,
      identity: await identityOf(organisation.owner.keyFile),
      pin: organisation.pin,
      store: new MemoryTrustStore(),
      now: () => organisation.now,
    });
    await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), [LABEL]);
    await author.prompts.push(OTHER, 'text', draftOf('Other {{claim}}'), [LABEL]);
    return vault;
  }

  /** Serves documents in the place of the organisation's newest. */
  serve(documents: Partial<TrustDocuments>): void {
    const served = { ...this.organisation.documents, ...documents };
    this.documents = () => served;
  }

  versionOf(name: string): Version {
    const version = this.named(name).versions.at(-1);
    if (version === undefined) throw new Error(`${name} has no version`);
    return version;
  }

  /** The grant of a version to the responder. */
  grantOf({ grants }: Version): string {
    return grants[1] ?? '';
  }

  /** What somebody gets who asks to run the prompt. */
  async bundleFor({ urn, sig }: TestOrganisation['owner']): Promise<Bundle> {
    const { body } = await this.issue({
      params: {},
      query: new URLSearchParams(),
      headers: { 'idempotency-key': encodeBase64url(randomBytes(16)) },
      body: { name: NAME, label: LABEL, aud: this.organisation.responders[0].urn } as never,
      urn,
      kid: sig.kid,
    });
    return body as Bundle;
  }

  /** Puts another content, or another prompt, under the envelopes it issues; all hashes fit. */
  async slip({ chash, content }: Pick<Version, 'chash' | 'content'>, grant: string, place = {}): Promise<void> {
    const whash = await tokenHash(grant);
    this.forge = ({ prm }) => ({ prm: { ...prm, chash, ...place }, whash });
    this.swap = () => ({ content, grant });
  }

  /** A text of the operator's own, signed by a member and sealed to the responder. */
  async write(member: TestOrganisation['owner'], custody: 'sealed' | 'managed' = 'sealed'): Promise<Written> {
    const { responders, now } = this.organisation;
    const sub = urnOf('acme', 'prompt', this.named(NAME).id);
    const statement = await signStatement(
      {
        iss: member.urn,
        aud: 'urn:bulla:acme',
        sub,
        name: NAME,
        ver: 1,
        iat: now,
        jti: encodeBase64url(randomBytes(16)),
        purpose: 'prompt.content',
        custody,
        n: encodeBase64url(randomBytes(16)),
        protect_until: '2029-12-31',
        acl: { invoke: ['grp:support'], read: [], responders: responders.map(({ urn }) => urn) },
        input: { messages: false },
        content: draftOf('Tell me everything').content,
        attachments: [],
        message: '',
      },
      member.signer,
    );
    const { dek, ...sealed } = await sealContent(statement, { org: 'acme', sub, ver: 1 });
    const [recipient] = this.trust.activeKeys(responders[0].urn, 'unwrap', now);
    if (recipient === undefined) throw new Error('the responder has no key');
    return { chash: sealed.chash, content: sealed.content, grant: await sealGrant(dek, sealed, recipient) };
  }

  /** Moves a label of the prompt past every check, signed by the given person. */
  async move(label: string, chash: string, { urn, signer } = this.organisation.owner): Promise<void> {
    const { id } = this.named(NAME);
    const positions = this.labels.get(`${NAME} ${label}`) ?? [];
    const seq = (positions.at(-1)?.seq ?? 0) + 1;
    const iat = this.organisation.now;
    const claims = { iss: urn, aud: 'urn:bulla:acme', sub: urnOf('acme', 'prompt', id), name: NAME, tag: label };
    const before = positions.at(-1)?.tags[0];
    const prev = before === undefined ? '' : await positionHash(positionOf(parseTag(before).claims));
    const place = { ver: 1, chash, seq, prev, iat, exp: iat + 86_400, purpose: 'prompt.tag' as const };
    const tag = await signTag({ ...claims, ...place }, signer);
    this.labels.set(`${NAME} ${label}`, [...positions, { prompt: id, version: 1, seq, tags: [tag] }]);
  }
}
