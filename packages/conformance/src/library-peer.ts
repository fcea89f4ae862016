import { CryptoError } from '@bulla/crypto';
import { invocations, replies } from './library-exchange.js';
import { httpRequests, httpResponses } from './library-http.js';
import { enrolments, keyFiles } from './library-keys.js';
import { consistencies, inclusions, lockedKeys, notes, streams } from './library-logs.js';
import {
  answers,
  bundles,
  chains,
  directoryFreshness,
  documents,
  envelopes,
  labelChains,
  labelFreshness,
  publicKeys,
  statements,
  tags,
  verdicts,
} from './library-signed.js';
import { attachments, contents, deposits, grants, letters, streamedLetters } from './library-tokens.js';
import { keyChecks, organisationKeys, wraps } from './library-wraps.js';
import type { Format } from './format.js';
import type { Fields, Hello, Operation, Outcome, Peer, Request } from './protocol.js';

const FORMATS: Readonly<Record<string, Format>> = {
  letter: letters,
  'streamed-letter': streamedLetters,
  grant: grants,
  deposit: deposits,
  content: contents,
  statement: statements,
  envelope: envelopes,
  bundle: bundles,
  tag: tags,
  'label-chain': labelChains,
  'label-freshness': labelFreshness,
  'directory-freshness': directoryFreshness,
  root: documents,
  policy: documents,
  directory: documents,
  'directory-chain': chains,
  invocation: invocations,
  frames: replies,
  evidence: answers,
  verdict: verdicts,
  'http-request': httpRequests,
  'http-response': httpResponses,
  'public-keys': publicKeys,
  'locked-key': lockedKeys,
  'key-file': keyFiles,
  enrolment: enrolments,
  'kek-wrap': wraps,
  kek: organisationKeys,
  'key-check': keyChecks,
  chunked: streams,
  attachment: attachments,
  note: notes,
  'merkle-inclusion': inclusions,
  'merkle-consistency': consistencies,
};

/** `@bulla/crypto` as an implementation under test, and as what others are compared with. */
export const libraryPeer: Peer = {
  async ask(op: Request['op'], format = '', input: Fields = {}): Promise<Outcome> {
    if (op === 'hello') return { ok: hello() };
    const run = FORMATS[format]?.[op];
    if (run === undefined) return { unsupported: true };
    try {
      return { ok: await run(input as never) };
    } catch (error) {
      if (!(error instanceof CryptoError)) return { failed: String(error) };
      return { refused: error.code, ...(error.check !== undefined && { check: error.check }) };
    }
  },
};

function hello(): Fields & Hello {
  const having = (op: Operation) => Object.keys(FORMATS).filter((format) => FORMATS[format]?.[op] !== undefined);
  return { name: '@bulla/crypto', seal: having('seal'), open: having('open'), verify: having('verify') };
}
