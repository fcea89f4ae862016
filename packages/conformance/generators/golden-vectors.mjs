/** The golden vectors in the form for everybody; golden-vectors.test.ts holds both equal. */
import { fileURLToPath } from 'node:url';
import { content, grant, letter, lockedKey } from './golden-sealed.mjs';
import { chunked, consistency, inclusion, note } from './golden-logs.mjs';
import { frames, invocation } from './golden-exchange.mjs';
import { labelChain } from './golden-labels.mjs';
import { bundle, documents, envelope, evidence, publicKeys, statement, tag } from './golden-signed.mjs';
import { write } from './published.mjs';

/** Each file of `vectors/` that is made this way, with its text. */
export function goldenFiles() {
  const files = {
    letter: letter(),
    grant: grant(),
    content: content(),
    statement: statement(),
    envelope: envelope(),
    bundle: bundle(),
    tag: tag(),
    'label-chain': labelChain(),
    root: documents('root'),
    policy: documents('policy'),
    directory: documents('directory'),
    invocation: invocation(),
    frames: frames(),
    evidence: evidence(),
    'public-keys': publicKeys(),
    'locked-key': lockedKey(),
    chunked: chunked(),
    note: note(),
    'merkle-inclusion': inclusion(),
    'merkle-consistency': consistency(),
  };
  return Object.entries(files).map(([name, file]) => [`${name}.json`, `${JSON.stringify(file, null, 1)}\n`]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const [name, text] of goldenFiles()) write(name, text);
