import type { Vector } from '@bulla/conformance';
import type { Bytes, ChainTuple } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import {
  encodeBase64url,
  encodeInvitationCode,
  enrolmentFingerprint,
  enrolmentMac,
  enrolmentTicket,
  enrolmentWords,
  FIRST_CHAIN,
  foldChain,
  generateKeyPair,
  loadSigner,
  mintId,
  namesOf,
  newInvitationSecret,
  newStreamKey,
  positionHash,
  dataKeyCommitment,
  randomBytes,
  sealAttachment,
  sealChunks,
  Secret,
  ticketHash,
  utf8,
} from '@bulla/crypto';
import { exportKeys, keyMaterialOf, sealLocked } from '@bulla/crypto/key-files';
import { keyCheck, sealKek, sealKekWrap } from '@bulla/crypto/open';
import {
  appendLeaf,
  EMPTY_FRONTIER,
  encodeNoteKey,
  leafHash,
  makeConsistencyProof,
  makeInclusionProof,
  noteKeyOf,
  signCheckpoint,
  treeHeadOf,
} from '@bulla/crypto/log';
import { gather, made, once } from './made.js';

const ORIGIN = 'vault.acme.example/log';
const OLDER = 5;
const NEWER = 13;
const LEAF = 9;

/** What needs no organisation: one vector of each such format. */
export async function makeAlone(): Promise<Vector[]> {
  return [
    ...(await log()),
    await stream(),
    await attachment(),
    await lockedKey(),
    await keyFile(),
    await enrolment(),
    await labelChain(),
    await directoryChain(),
    ...(await wraps()),
  ];
}

/** A content key under the key of an organisation, that one under a root key, and what the root key is recognised by. */
async function wraps(): Promise<Vector[]> {
  const [dek, kek, root] = [32, 32, 32].map(randomBytes) as [Bytes, Bytes, Bytes];
  const [dekText, kekText, rootText] = [dek, kek, root].map(encodeBase64url);
  const ofContent = {
    org: 'acme',
    sub: `urn:bulla:acme:prompt:${mintId('prm')}`,
    ver: 3,
    dek: `dek_${'5b'.repeat(16)}`,
    chash: encodeBase64url(randomBytes(32)),
    dkc: await dataKeyCommitment(dek),
  };
  const ofKek = { org: 'acme', kek: 'kek:acme:7', kver: 7 };
  const [kekKid, rootKid] = [ofKek.kek, 'root:file:1'];
  const wrap = await sealKekWrap(dek, kek, kekKid, ofContent);
  const wrapped = await sealKek(kek, root, rootKid, ofKek);
  return [
    made('open', 'kek-wrap', { token: wrap, under: kekText, kid: kekKid, ...ofContent }, { key: dekText }),
    made('open', 'kek', { token: wrapped, under: rootText, kid: rootKid, ...ofKek }, { key: kekText }),
    made('verify', 'key-check', { root: rootText }, { check: await keyCheck(root) }),
  ];
}

/** Two directories after one that was seen. */
async function directoryChain(): Promise<Vector> {
  const [first = '', ...hashes] = Array.from({ length: 3 }, () => encodeBase64url(randomBytes(32)));
  const chain = await foldChain(FIRST_CHAIN, [first]);
  const seen = { version: 2, hash: hashes[0], chain };
  const next = { version: 4, prev: hashes[1], chain: await foldChain(chain, hashes) };
  return made('verify', 'directory-chain', { seen, hashes: { from: 2, hashes }, next }, { between: 2 });
}

/** Two moves of a label, from its beginning. */
async function labelChain(): Promise<Vector> {
  const [name, label, sub] = ['claims/triage', 'production', `urn:bulla:acme:prompt:${mintId('prm')}`];
  const [head, tuples, path] = [{ seq: 0, pos: '' }, [] as ChainTuple[], [] as string[]];
  for (const ver of [1, 2]) {
    const tuple = { sub, ver, chash: encodeBase64url(randomBytes(32)), prev: path.at(-1) ?? '' };
    tuples.push(tuple);
    path.push(await positionHash({ name, tag: label, seq: ver, ...tuple }));
  }
  return made('verify', 'label-chain', { name, label, head, next: { seq: 2, pos: there(path[1]) }, tuples }, { path });
}

/** A log of thirteen entries, with its checkpoint signed with Ed25519, and proofs. */
async function log(): Promise<Vector[]> {
  const hashes = new Map<string, Bytes>();
  const heads: TreeHead[] = [await treeHeadOf(EMPTY_FRONTIER)];
  let frontier = EMPTY_FRONTIER;
  for (let size = 0; size < NEWER; size += 1) {
    const appended = await appendLeaf(frontier, await leafHash(utf8(`entry ${size}`)));
    for (const [level, hash] of appended.completed.entries()) hashes.set(`${level}/${size >> level}`, hash);
    frontier = appended.frontier;
    heads.push(await treeHeadOf(frontier));
  }
  const read = async (level: number, index: number) => there(hashes.get(`${level}/${index}`));
  const [older, newer] = [there(heads[OLDER]), there(heads[NEWER])];
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  const key = await noteKeyOf(ORIGIN, publicJwk);
  const note = await signCheckpoint(ORIGIN, newer, [{ key, signer: await loadSigner(privateJwk, 'Ed25519') }]);
  const included = await makeInclusionProof(LEAF, NEWER, read);
  const leaf = { leaf: encodeBase64url(await read(0, LEAF)), index: LEAF, head: plain(newer) };
  const grown = await makeConsistencyProof(OLDER, NEWER, read);
  return [
    made('verify', 'note', { note, origin: ORIGIN, keys: [encodeNoteKey(key)] }, { keys: [ORIGIN], ...plain(newer) }),
    made('verify', 'merkle-inclusion', { ...leaf, proof: included.map(encodeBase64url) }, {}),
    made(
      'verify',
      'merkle-consistency',
      { older: plain(older), newer: plain(newer), proof: grown.map(encodeBase64url) },
      {},
    ),
  ];
}

async function stream(): Promise<Vector> {
  const key = newStreamKey();
  const content = randomBytes(40_000);
  const pieces = sealChunks(once(content), { key, context: utf8('a context') });
  const sealed = encodeBase64url(await gather(pieces));
  const input = { sealed, key: encodeBase64url(key.reveal()), context: 'a context' };
  return made('open', 'chunked', input, { content: encodeBase64url(content) });
}

async function attachment(): Promise<Vector> {
  const place = { sub: 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb', ver: 3 };
  const content = randomBytes(40_000);
  const { sealed, entry } = sealAttachment(once(content), 'policy.pdf', place);
  const input = { sealed: encodeBase64url(await gather(sealed)), attachment: entry(), ...place };
  return made('open', 'attachment', input, { content: encodeBase64url(content) });
}

/** The passphrase is stretched already: Argon2id is not in WebCrypto, and the client has it from Node. */
async function lockedKey(): Promise<Vector> {
  const key = randomBytes(32);
  const kdf = { name: 'argon2id' as const, m: 65_536, t: 3, p: 4, salt: encodeBase64url(randomBytes(16)) };
  const token = await sealLocked(utf8('{"keys":[]}'), new Secret(key), kdf);
  return made('open', 'locked-key', { token, key: encodeBase64url(key) }, { plaintext: '{"keys":[]}' });
}

async function keyFile(): Promise<Vector> {
  const key = await keyMaterialOf((await generateKeyPair('p256', 'sig')).publicJwk);
  const file = await exportKeys([key], { format: 'pem', half: 'public' });
  const { hex, words } = namesOf(key);
  const { kid, suite, publicJwk: jwk } = key;
  const input = { file: encodeBase64url(file), half: 'public' };
  return made('open', 'key-file', input, { keys: [{ suite, kid, hex, words: words.join(' '), jwk }] });
}

async function enrolment(): Promise<Vector> {
  const secret = newInvitationSecret();
  const shown = { url: 'https://vault.acme.example', org: 'acme', pin: `sha256:${'0a'.repeat(32)}`, id: mintId('ivt') };
  const [sigKid, encKid] = [encodeBase64url(randomBytes(32)), encodeBase64url(randomBytes(32))];
  const keys = { org: shown.org, invitation: shown.id, sigKid, encKid };
  const mac = await enrolmentMac(secret, keys);
  const ticket = await enrolmentTicket(secret);
  const words = (await enrolmentWords(keys)).join(' ');
  const fingerprint = await enrolmentFingerprint(keys);
  const input = { code: encodeInvitationCode({ ...shown, secret }), sig_kid: sigKid, enc_kid: encKid, mac };
  return made('verify', 'enrolment', input, {
    ...shown,
    ticket,
    ticket_sha256: await ticketHash(ticket),
    words,
    fingerprint,
  });
}

const plain = ({ size, root }: TreeHead) => ({ size, root: encodeBase64url(root) });

function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the log does not have it');
  return value;
}
