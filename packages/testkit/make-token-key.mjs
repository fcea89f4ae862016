import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

// Makes a key in a token, as an operator would with the tool of the vendor: AES-256, or a pair that signs or should not. The library keeps what it knows of
// a token for the life of its process, so this is one of its own.

const [folder = '', module, label, pin, object, kind = 'aes'] = process.argv.slice(2);
const p11 = createRequire(join(folder, 'package.json'))('pkcs11js');
const lib = new p11.PKCS11();
lib.load(module);
lib.C_Initialize();
const slot = lib
  .C_GetSlotList(true)
  .find((/** @type {unknown} */ one) => lib.C_GetTokenInfo(one).label.trim() === label);
const session = lib.C_OpenSession(slot, p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION);
lib.C_Login(session, p11.CKU_USER, pin);
const ofLabel = { type: p11.CKA_LABEL, value: object };
for (const kept of [p11.CKO_SECRET_KEY, p11.CKO_PRIVATE_KEY, p11.CKO_PUBLIC_KEY]) {
  lib.C_FindObjectsInit(session, [{ type: p11.CKA_CLASS, value: kept }, ofLabel]);
  const found = lib.C_FindObjects(session, 8);
  lib.C_FindObjectsFinal(session);
  for (const one of found) lib.C_DestroyObject(session, one);
}
const named = [ofLabel, { type: p11.CKA_TOKEN, value: true }];
const leaves = kind === 'leaving';
const secret = [
  ...named,
  { type: p11.CKA_PRIVATE, value: true },
  { type: p11.CKA_SENSITIVE, value: !leaves },
  { type: p11.CKA_EXTRACTABLE, value: leaves },
];
if (kind === 'aes') {
  lib.C_GenerateKey(session, { mechanism: p11.CKM_AES_KEY_GEN, parameter: null }, [
    { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY },
    ...secret,
    { type: p11.CKA_VALUE_LEN, value: 32 },
    { type: p11.CKA_ENCRYPT, value: true },
    { type: p11.CKA_DECRYPT, value: true },
  ]);
} else {
  const isCurve = kind === 'curve';
  const P256 = Buffer.from('06082a8648ce3d030107', 'hex');
  const parts = isCurve
    ? [{ type: p11.CKA_EC_PARAMS, value: P256 }]
    : [
        { type: p11.CKA_MODULUS_BITS, value: 2048 },
        { type: p11.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
      ];
  lib.C_GenerateKeyPair(
    session,
    { mechanism: isCurve ? p11.CKM_EC_KEY_PAIR_GEN : p11.CKM_RSA_PKCS_KEY_PAIR_GEN, parameter: null },
    [...named, ...parts, { type: p11.CKA_VERIFY, value: true }],
    [...secret, { type: p11.CKA_SIGN, value: kind !== 'deciphering' }],
  );
}
lib.C_Finalize();
