import type { ChatEnvelopeClaims, DirectoryDocument } from '@bulla/crypto';
import { encodeBase64url, mintId, parseEnvelope, randomBytes, signChatEnvelope, signDocument } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { HostileVault } from './hostile-vault.js';
import { LABEL, NAME, OTHER } from './hostile-vault.js';
import type { Lie, Refusal } from './lie.js';
import { rolledBack } from './lie.js';

const tampered = (check: string): Refusal => ({ code: 'envelope_tampered', check });
const openly = (code: string) => ({ code, sealed: false });
/** What a responder says of everything that it had to open first. */
const OPEN_FAILED = { code: 'open_failed', sealed: true };

/** Serves the next directory, with a change that somebody talked the signer of directories into. */
async function serveNext(vault: HostileVault, change: (draft: DirectoryDocument) => void): Promise<void> {
  vault.serve({ directory: await vault.organisation.signDirectory(change) });
}

/** Documents of somebody else, who calls their organisation by the same name. */
async function impostor() {
  const { documents } = await makeOrganisation({ documentSuite: 'rsa3072' });
  return documents;
}

/** Lies about whom to trust. Responders stay with what they know, as clients do. */
export const LIES_ABOUT_TRUST: readonly Lie[] = [
  {
    name: 'a root with keys of its own, at first contact',
    toNewcomer: true,
    tell: async (vault) => vault.serve(await impostor()),
    client: { code: 'pin_mismatch', check: 'root-pin' },
  },
  {
    name: 'a root with keys of its own, to somebody who knows the pinned one',
    tell: async (vault) => vault.serve(await impostor()),
    client: { code: 'signature_invalid', check: 'policy-signatures' },
  },
  {
    name: 'another directory, with keys of its own, beside the policy it should have',
    tell: async (vault) => vault.serve({ directory: (await impostor()).directory }),
    client: { code: 'signature_invalid', check: 'directory-signatures' },
  },
  {
    name: 'a next directory that it signed itself',
    tell: async (vault) => {
      const { trust, vault: self } = vault.organisation;
      const { ver, hash } = trust.directoryRef;
      const payload = { ...trust.directory, version: ver + 1, prev: hash, kept: [encodeBase64url(randomBytes(32))] };
      vault.serve({ directory: await signDocument(payload, [self.signer]) });
    },
    client: { code: 'signature_invalid', check: 'directory-signatures' },
  },
  {
    name: 'an older directory [refuses: directory-rollback]',
    tell: (vault) => vault.serve(vault.before),
    client: rolledBack('directory-rollback'),
  },
  {
    name: 'an older policy, with the directory that named it',
    tell: async (vault) => {
      const old = vault.organisation.documents;
      await vault.organisation.publishPolicy();
      await vault.shown();
      vault.serve(old);
    },
    client: rolledBack('policy-rollback'),
  },
  {
    name: 'an old policy beside the newest directory [refuses: policy-named]',
    tell: async (vault) => {
      const { policy } = vault.organisation.documents;
      await vault.organisation.publishPolicy();
      vault.serve({ policy });
    },
    client: rolledBack('directory-policy'),
  },
  {
    name: 'a second directory of one version [refuses: directory-fork]',
    tell: (vault) =>
      serveNext(vault, (draft) => {
        const { version, prev } = vault.organisation.trust.directory;
        Object.assign(draft, { version, prev, kept: [encodeBase64url(randomBytes(32))] });
      }),
    client: rolledBack('directory-fork'),
  },
  {
    name: 'a next directory on a stale base, from which a revocation is missing [refuses: stale-base]',
    tell: (vault) => serveNext(vault, (draft) => void (draft.revoked = [])),
    client: rolledBack('directory-revoked'),
  },
  {
    name: 'a next directory on a stale base, in which a withdrawn version is back [refuses: stale-base]',
    tell: (vault) => serveNext(vault, (draft) => void (draft.withdrawn = [])),
    client: rolledBack('directory-withdrawn'),
  },
  {
    name: 'a next directory that follows another one than was shown',
    tell: (vault) => serveNext(vault, (draft) => void (draft.prev = encodeBase64url(randomBytes(32)))),
    client: rolledBack('directory-prev'),
  },
];

/** Lies about what may be run. */
export const LIES_ABOUT_PROMPTS: readonly Lie[] = [
  {
    name: 'an envelope signed with a key of its own',
    tell: async (vault) => {
      const stranger = await vault.organisation.makeDevice('stranger', { roles: ['owner'], groups: [] });
      vault.envelopeSigner = stranger.signer;
    },
    client: { code: 'key_unknown', check: 'envelope-key' },
    responder: openly('key_unknown'),
  },
  {
    name: 'an envelope for another device',
    tell: (vault) => void (vault.forge = () => ({ sub: vault.organisation.invoker.urn })),
    client: tampered('envelope-requester'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'an envelope for another key of this device',
    tell: (vault) => void (vault.forge = () => ({ cnf: { jkt: vault.organisation.invoker.sig.kid } })),
    client: tampered('envelope-requester-key'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'an envelope for another responder',
    tell: (vault) => void (vault.forge = () => ({ aud: vault.organisation.responders[1].urn })),
    client: tampered('envelope-audience'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'an envelope that lives for an hour',
    tell: (vault) => void (vault.forge = ({ iat }) => ({ exp: iat + 3600 })),
    client: tampered('envelope-life'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'an envelope that has expired',
    tell: (vault) => void (vault.forge = ({ iat }) => ({ iat: iat - 600, nbf: iat - 600, exp: iat - 400 })),
    client: { code: 'envelope_expired', check: 'envelope-times' },
    responder: openly('envelope_expired'),
  },
  {
    name: 'the bundle that answered an earlier request',
    tell: async (vault) => {
      const earlier = await vault.bundleFor(vault.organisation.owner);
      await vault.spend(earlier);
      vault.swap = () => ({ ...earlier });
    },
    client: tampered('envelope-request'),
    responder: openly('envelope_replayed'),
  },
  {
    name: 'a chat envelope in the place of a prompt',
    tell: async (vault) => {
      const env = await chatEnvelope(vault);
      vault.swap = () => ({ env, grant: undefined, content: undefined, tags: [] });
    },
    client: tampered('envelope-type'),
    responder: openly('forbidden'),
  },
  {
    name: 'a chat envelope with the grant and the content of a prompt',
    tell: async (vault) => {
      const env = await chatEnvelope(vault);
      vault.swap = () => ({ env });
    },
    client: { code: 'token_malformed' },
    responder: openly('validation_failed'),
  },
  {
    name: 'a swapped grant',
    tell: (vault) => void (vault.swap = () => ({ grant: vault.grantOf(vault.versionOf(OTHER)) })),
    client: tampered('grant-hash'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'a swapped content',
    tell: (vault) => void (vault.swap = () => ({ content: vault.versionOf(OTHER).content })),
    client: tampered('content-hash'),
    responder: openly('envelope_tampered'),
  },
  {
    name: 'another prompt under this name [refuses: another-prompt]',
    tell: (vault) => standIn(vault),
    client: tampered('envelope-prompt'),
    responder: OPEN_FAILED,
  },
  {
    name: 'another prompt under this name, with the tags of its own name',
    tell: async (vault) => {
      await standIn(vault);
      const { swap } = vault;
      const tags = vault.position(OTHER, LABEL)?.tags;
      vault.swap = (bundle) => ({ ...swap(bundle), tags });
    },
    client: tampered('tag-name'),
    responder: OPEN_FAILED,
  },
  {
    name: "another prompt's content under this prompt's id",
    tell: (vault) => vault.slip(vault.versionOf(OTHER), vault.grantOf(vault.versionOf(OTHER))),
    client: tampered('envelope-content'),
    responder: OPEN_FAILED,
  },
  {
    name: "another prompt's content under this prompt's id, for which a signer of the label vouches",
    tell: async (vault) => {
      const other = vault.versionOf(OTHER);
      await vault.slip(other, vault.grantOf(other));
      await vault.move(LABEL, other.chash);
    },
    client: tampered('content-place'),
    responder: OPEN_FAILED,
  },
  {
    name: 'a text that it wrote itself [refuses: vault-signed]',
    tell: (vault) => vault.write(vault.organisation.vault).then((written) => vault.slip(written, written.grant)),
    client: tampered('envelope-content'),
    responder: OPEN_FAILED,
  },
  {
    name: 'a text that it wrote itself and calls managed',
    tell: (vault) =>
      vault.write(vault.organisation.vault, 'managed').then((written) => vault.slip(written, written.grant)),
    client: tampered('envelope-content'),
    responder: OPEN_FAILED,
  },
  {
    name: 'a text by a member who may not write under this name',
    tell: (vault) => vault.write(vault.organisation.invoker).then((written) => vault.slip(written, written.grant)),
    client: tampered('envelope-content'),
    responder: OPEN_FAILED,
  },
  {
    name: 'an older position of the label',
    tell: async (vault) => {
      await vault.move(LABEL, vault.versionOf(NAME).chash);
      await vault.shown();
      vault.labels.get(`${NAME} ${LABEL}`)?.pop();
    },
    client: { code: 'trust_rollback', check: 'tag-sequence' },
  },
  {
    name: 'the tags of another label',
    tell: (vault) => void (vault.swap = () => ({ tags: vault.position(NAME, 'latest')?.tags })),
    client: tampered('tag-name'),
  },
  {
    name: 'no tag at all',
    tell: (vault) => void (vault.swap = () => ({ tags: [] })),
    client: { code: 'token_malformed', check: 'tag-count' },
  },
  {
    name: 'a label that it moved itself',
    tell: (vault) => vault.move(LABEL, vault.versionOf(NAME).chash, vault.organisation.vault),
    client: { code: 'key_unknown', check: 'tag-key' },
  },
];

/** Lets everything of another prompt, its id and its content, answer to this name. */
async function standIn(vault: HostileVault): Promise<void> {
  const other = vault.named(OTHER);
  const version = vault.versionOf(OTHER);
  await vault.slip(version, vault.grantOf(version), { id: other.id });
}

async function chatEnvelope(vault: HostileVault): Promise<string> {
  const { claims } = parseEnvelope((await vault.bundleFor(vault.organisation.owner)).env);
  const { prm: _prm, whash: _whash, ...shared } = claims as typeof claims & { prm?: unknown; whash?: unknown };
  const chat: ChatEnvelopeClaims = {
    ...shared,
    jti: mintId('env'),
    purpose: 'chat.invoke',
    pol: { uses: 1, stream: true, models: ['default'] },
  };
  return signChatEnvelope(chat, vault.organisation.vault.signer);
}
