import process from 'node:process';
import pkcs11js from 'pkcs11js';

// The library of a vendor, in a process of its own: one that hangs or crashes takes nothing with it, and is ended from
// outside. One message is one question; the answer bears its number.

/**
 * @typedef {{ module: string, token: string, object: string, pin: Buffer }} Opening
 * @typedef {{ iv: Buffer, sealed: Buffer }} Sealed
 * @typedef {{ id: number } & (
 *   | { act: 'open' } & Opening
 *   | { act: 'encrypt', plaintext: Buffer, aad: Buffer }
 *   | { act: 'decrypt', aad: Buffer } & Sealed
 * )} Question
 */

const IV_BYTES = 12;
const TAG_BYTES = 16;
const { CKM_AES_GCM, CK_PARAMS_AES_GCM } = pkcs11js;

const lib = new pkcs11js.PKCS11();
/** @type {Buffer} */
let session;
/** @type {Buffer} */
let key;

/** @param {Opening} opening */
function open({ module, token, object, pin }) {
  lib.load(module);
  lib.C_Initialize();
  const slot = lib.C_GetSlotList(true).find((one) => lib.C_GetTokenInfo(one).label.trim() === token);
  if (slot === undefined) throw new Error('no_token');
  const { manufacturerID } = lib.C_GetTokenInfo(slot);
  session = lib.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);
  try {
    lib.C_Login(session, pkcs11js.CKU_USER, pin.toString('utf8'));
  } catch (error) {
    throw new Error(isOf(error, /PIN/) ? 'pin' : 'login', { cause: error });
  } finally {
    pin.fill(0);
  }
  key = find(object);
  return { manufacturer: manufacturerID.trim() };
}

/** @param {string} label */
function find(label) {
  lib.C_FindObjectsInit(session, [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_LABEL, value: label },
  ]);
  try {
    const [found, ...others] = lib.C_FindObjects(session, 2);
    if (found === undefined) throw new Error('no_object');
    if (others.length > 0) throw new Error('two_objects');
    return found;
  } finally {
    lib.C_FindObjectsFinal(session);
  }
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

const ACTS = { open, encrypt, decrypt: decryptOrSay };

/** Which of our own words it was, or the name of the return value: neither holds anything of a key. @param {unknown} error */
function nameOf(error) {
  const { message } = /** @type {Error} */ (error);
  return /^(no_token|no_object|two_objects|pin|login)$/.test(message)
    ? message
    : (/CKR_[A-Z0-9_]+/.exec(message)?.[0] ?? 'failed');
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
