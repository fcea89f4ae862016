/** The golden files, and what vectors for everybody are made of. */
import { read as readVectors, readText as readVectorText } from './published.mjs';

export const readText = (file) => readVectorText(`golden/${file}`);
export const read = (name) => readVectors(`golden/${name}.json`);
export const base64url = (hex) => Buffer.from(hex, 'hex').toString('base64url');

export const publicOf = ({ kty, n, e, crv, x, y }) => JSON.parse(JSON.stringify({ kty, n, e, crv, x, y }));
/** Without the members that are undefined, as JSON has it. */
export const fields = (object) => JSON.parse(JSON.stringify(object));

/** How a case ends: `ok` with these members, or its code and check. */
export const expectedOf = ({ result, check }, ok) =>
  result === 'valid' ? { ok: fields(ok) } : fields({ refused: result, check });

/** The organisation of all vectors but those of its own documents, and the moment they are judged at. */
export const { acme, now } = read('organisations');
export const organisation = { org: acme.org, pin: acme.pin, documents: acme.documents };
export const payloadOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
