import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

// Makes an AES-256 key in a token, as an operator would with the tool of the vendor. The library keeps what it knows of
// a token for the life of its process, so this is one of its own.

const [folder = '', module, label, pin, object] = process.argv.slice(2);
const p11 = createRequire(join(folder, 'package.json'))('pkcs11js');
const lib = new p11.PKCS11();
lib.load(module);
lib.C_Initialize();
const slot = lib
  .C_GetSlotList(true)
  .find((/** @type {unknown} */ one) => lib.C_GetTokenInfo(one).label.trim() === label);
const session = lib.C_OpenSession(slot, p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION);
lib.C_Login(session, p11.CKU_USER, pin);
const named = [
  { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY },
  { type: p11.CKA_LABEL, value: object },
];
lib.C_FindObjectsInit(session, named);
for (const found of lib.C_FindObjects(session, 8)) lib.C_DestroyObject(session, found);
lib.C_FindObjectsFinal(session);
lib.C_GenerateKey(session, { mechanism: p11.CKM_AES_KEY_GEN, parameter: null }, [
  ...named,
  { type: p11.CKA_TOKEN, value: true },
  { type: p11.CKA_PRIVATE, value: true },
  { type: p11.CKA_VALUE_LEN, value: 32 },
  { type: p11.CKA_ENCRYPT, value: true },
  { type: p11.CKA_DECRYPT, value: true },
  { type: p11.CKA_SENSITIVE, value: true },
  { type: p11.CKA_EXTRACTABLE, value: false },
]);
lib.C_Finalize();
