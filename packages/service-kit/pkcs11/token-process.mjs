import process from 'node:process';
import pkcs11js from 'pkcs11js';

// The library of a vendor, in a process of its own: one that hangs or crashes takes nothing with it, and is ended from
// outside. One message is one question; the answer bears its number.

/**
 * @typedef {{ module: string, token: string, pin: Buffer }} Login
 * @typedef {Login & { object: string, keyType: 'secret-key' | 'private' }} Opening
 * @typedef {Login & { object: string, modulusBits: number }} Making
 * @typedef {{ iv: Buffer, sealed: Buffer }} Sealed
 * @typedef {{ id: number } & (
 *   | { act: 'open' } & Opening
 *   | { act: 'encrypt', plaintext: Buffer, aad: Buffer }
 *   | { act: 'decrypt', aad: Buffer } & Sealed
 *   | { act: 'sign', digest: Buffer }
 *   | { act: 'generate' } & Making
 * )} Question
 */

const IV_BYTES = 12;
const TAG_BYTES = 16;
/** More than a signature of any suite has. */
const SIGNATURE_BYTES_MAX = 1_024;
const { CKM_AES_GCM, CK_PARAMS_AES_GCM } = pkcs11js;
/** PS256: of a hash, which is all that comes here. */
const PS256 = {
  mechanism: pkcs11js.CKM_RSA_PKCS_PSS,
  parameter: {
    type: pkcs11js.CK_PARAMS_RSA_PSS,
    hashAlg: pkcs11js.CKM_SHA256,
    mgf: pkcs11js.CKG_MGF1_SHA256,
    saltLen: 32,
  },
};
const CLASSES = { 'secret-key': pkcs11js.CKO_SECRET_KEY, private: pkcs11js.CKO_PRIVATE_KEY };

const lib = new pkcs11js.PKCS11();
/** @type {Buffer} */
let session;
/** @type {Buffer} */
let key;

/** @param {Login} login @param {number} flags of the session */
function login({ module, token, pin }, flags) {
  lib.load(module);
  lib.C_Initialize();
  const slot = lib.C_GetSlotList(true).find((one) => lib.C_GetTokenInfo(one).label.trim() === token);
  if (slot === undefined) throw new Error('no_token');
  session = lib.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | flags);
  try {
    lib.C_Login(session, pkcs11js.CKU_USER, pin.toString('utf8'));
  } catch (error) {
    throw new Error(isOf(error, /PIN/) ? 'pin' : 'login', { cause: error });
  } finally {
    pin.fill(0);
  }
  return lib.C_GetTokenInfo(slot).manufacturerID.trim();
}

/** @param {Opening} opening */
function open({ object, keyType, ...rest }) {
  const manufacturer = login(rest, 0);
  const [found, ...others] = find(object, CLASSES[keyType]);
  if (found === undefined) throw new Error('no_object');
  if (others.length > 0) throw new Error('two_objects');
  if (keyType === 'private') requireSigning(found);
  key = found;
  return { manufacturer };
}

/** @param {string} label @param {number} kind */
function find(label, kind) {
  lib.C_FindObjectsInit(session, [
    { type: pkcs11js.CKA_CLASS, value: kind },
    { type: pkcs11js.CKA_LABEL, value: label },
  ]);
  try {
    return lib.C_FindObjects(session, 2);
  } finally {
    lib.C_FindObjectsFinal(session);
  }
}

/** @param {Buffer} found */
function requireSigning(found) {
  const isOn = (/** @type {number} */ type) => lib.C_GetAttributeValue(session, found, [{ type }])[0]?.value[0] === 1;
  const [kind] = lib.C_GetAttributeValue(session, found, [{ type: pkcs11js.CKA_KEY_TYPE }]);
  if (kind?.value[0] !== pkcs11js.CKK_RSA) throw new Error('not_rsa');
  if (!isOn(pkcs11js.CKA_SIGN)) throw new Error('not_signing');
  if (isOn(pkcs11js.CKA_EXTRACTABLE) || !isOn(pkcs11js.CKA_SENSITIVE)) throw new Error('leaves');
}

/** @param {{ digest: Buffer }} question */
function sign({ digest }) {
  lib.C_SignInit(session, PS256, key);
  return { signature: lib.C_Sign(session, digest, Buffer.alloc(SIGNATURE_BYTES_MAX)) };
}

/** @param {Making} making */
function generate({ object, modulusBits, ...rest }) {
  login(rest, pkcs11js.CKF_RW_SESSION);
  if (Object.values(CLASSES).some((kind) => find(object, kind).length > 0)) throw new Error('object_there');
  const named = [
    { type: pkcs11js.CKA_LABEL, value: object },
    { type: pkcs11js.CKA_ID, value: lib.C_GenerateRandom(session, Buffer.alloc(16)) },
    { type: pkcs11js.CKA_TOKEN, value: true },
  ];
  const { publicKey } = lib.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN, parameter: null },
    [
      ...named,
      { type: pkcs11js.CKA_MODULUS_BITS, value: modulusBits },
      { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
      { type: pkcs11js.CKA_VERIFY, value: true },
    ],
    [
      ...named,
      { type: pkcs11js.CKA_PRIVATE, value: true },
      { type: pkcs11js.CKA_SENSITIVE, value: true },
      { type: pkcs11js.CKA_EXTRACTABLE, value: false },
      { type: pkcs11js.CKA_SIGN, value: true },
      { type: pkcs11js.CKA_DECRYPT, value: false },
      { type: pkcs11js.CKA_UNWRAP, value: false },
    ],
  );
  const [modulus, exponent] = lib.C_GetAttributeValue(session, publicKey, [
    { type: pkcs11js.CKA_MODULUS },
    { type: pkcs11js.CKA_PUBLIC_EXPONENT },
  ]);
  return { modulus: modulus?.value, exponent: exponent?.value };
}

/** @param {Buffer} iv @param {Buffer} aad */
const gcm = (iv, aad) => ({
  mechanism: CKM_AES_GCM,
  parameter: { type: CK_PARAMS_AES_GCM, iv, ivBits: IV_BYTES * 8, aad, tagBits: TAG_BYTES * 8 },
});

/** @param {{ plaintext: Buffer, aad: Buffer }} question @returns {Sealed} */
function encrypt({ plaintext, aad }) {
  // Of the token's own generator.
  const iv = lib.C_GenerateRandom(session, Buffer.alloc(IV_BYTES));
  lib.C_EncryptInit(session, gcm(iv, aad), key);
  return { iv, sealed: lib.C_Encrypt(session, plaintext, Buffer.alloc(plaintext.length + TAG_BYTES)) };
}

/** @param {{ aad: Buffer } & Sealed} question */
function decrypt({ iv, sealed, aad }) {
  lib.C_DecryptInit(session, gcm(iv, aad), key);
  return lib.C_Decrypt(session, sealed, Buffer.alloc(sealed.length));
}

/**
 * Vendors have several words for a wrong tag, and some of them the same for a token that is out of order: one that opens
 * what it made a moment ago is in order.
 * @param {{ aad: Buffer } & Sealed} question
 */
function decryptOrSay(question) {
  try {
    return { plaintext: decrypt(question) };
  } catch {
    decrypt({ ...encrypt({ plaintext: Buffer.alloc(32), aad: question.aad }), aad: question.aad });
    return { wrong: true };
  }
}

/** @param {unknown} error @param {RegExp} words */
function isOf(error, words) {
  return error instanceof Error && words.test(error.message);
}

const ACTS = { open, encrypt, decrypt: decryptOrSay, sign, generate };
const OWN_WORDS = /^(no_token|no_object|two_objects|object_there|not_rsa|not_signing|leaves|pin|login)$/;

/** Which of our own words it was, or the name of the return value: neither holds anything of a key. @param {unknown} error */
function nameOf(error) {
  const { message } = /** @type {Error} */ (error);
  return OWN_WORDS.test(message) ? message : (/CKR_[A-Z0-9_]+/.exec(message)?.[0] ?? 'failed');
}

process.on('message', (/** @type {Question} */ question) => {
  const { id, act, ...rest } = question;
  /** @type {object} */
  let answer;
  try {
    answer = ACTS[act](/** @type {never} */ (rest));
  } catch (error) {
    answer = { error: nameOf(error) };
  }
  process.send?.({ id, ...answer });
});
process.on('disconnect', () => process.exit(0));
// A service that is told to end still signs what is under way; it ends this one.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
