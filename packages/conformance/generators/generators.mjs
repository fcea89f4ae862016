import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const LOADER = new URL('../../../scripts/jest/source-loader.mjs', import.meta.url);

/**
 * What makes vectors: the program, its files in `vectors/`, and those of others that it adds cases to. Later ones read what
 * earlier ones made.
 * @type {Readonly<Record<string, { program: string, makes: readonly string[], addsTo?: readonly string[] }>>}
 */
export const GENERATORS = {
  organisations: { program: 'make-organisations.ts', makes: ['golden/organisations.json'] },
  prompts: { program: 'make-prompt-vectors.mjs', makes: golden('statement', 'content', 'grant', 'envelope', 'bundle') },
  replies: {
    program: 'make-reply-vectors.mjs',
    makes: [...golden('invocation', 'frames', 'answer', 'evidence'), 'golden/answer-question.txt'],
  },
  trust: { program: 'make-trust-vectors.mjs', makes: golden('trust', 'tag') },
  proposals: { program: 'make-proposal-vectors.mjs', makes: golden('proposal') },
  letters: { program: 'make-letter-vectors.mjs', makes: golden('letter') },
  'locked-keys': { program: 'make-locked-vectors.mjs', makes: golden('locked-key') },
  shares: { program: 'make-share-vectors.mjs', makes: golden('share') },
  'public-keys': { program: 'make-public-keys-vectors.mjs', makes: golden('public-keys') },
  logs: { program: 'make-log-vectors.py', makes: golden('merkle', 'note', 'cosignature', 'tiles', 'chunked') },
  streams: { program: 'make-stream-vectors.py', makes: golden('audit-stream') },
  'numbered-logs': { program: 'make-numbered-log-vectors.mjs', makes: golden('numbered-logs') },
  rows: { program: 'make-row-vectors.py', makes: golden('audit-rows') },
  golden: {
    program: 'golden-vectors.mjs',
    makes: [
      ...forEverybody('letter', 'grant', 'content', 'statement', 'envelope', 'bundle', 'tag', 'root', 'policy'),
      ...forEverybody('directory', 'invocation', 'frames', 'evidence', 'public-keys', 'locked-key', 'chunked', 'note'),
      ...forEverybody('merkle-inclusion', 'merkle-consistency', 'label-chain'),
    ],
  },
  suites: { program: 'make-suite-vectors.mjs', makes: forEverybody('grant-suites', 'letter-suites', 'crossings') },
  deposits: {
    program: 'make-deposit-vectors.mjs',
    makes: forEverybody('deposit'),
    addsTo: forEverybody('crossings'),
  },
  signed: {
    program: 'make-signed-vectors.mjs',
    makes: forEverybody('statement-suites', 'envelope-suites', 'tag-suites', 'invocation-suites', 'frames-suites'),
  },
  freshness: {
    program: 'make-freshness-vectors.mjs',
    makes: forEverybody('label-freshness', 'directory-freshness'),
  },
  verdicts: { program: 'make-verdict-vectors.mjs', makes: forEverybody('verdict') },
  checkpoints: {
    program: 'make-checkpoint-vectors.mjs',
    makes: forEverybody('frames-checkpoint', 'evidence-checkpoint'),
  },
  chains: { program: 'make-chain-vectors.mjs', makes: forEverybody('directory-chain') },
  streamed: {
    program: 'make-streamed-vectors.mjs',
    makes: forEverybody('streamed-letter'),
    addsTo: forEverybody('crossings'),
  },
  attachments: {
    program: 'make-attachment-vectors.mjs',
    makes: forEverybody('attachment'),
    addsTo: forEverybody('crossings'),
  },
  wraps: {
    program: 'make-wrap-vectors.mjs',
    makes: forEverybody('kek-wrap', 'kek', 'key-check'),
    addsTo: forEverybody('crossings'),
  },
  questions: {
    program: 'make-question-vectors.mjs',
    makes: forEverybody('invocation-contents', 'statement-contents'),
    addsTo: forEverybody('crossings'),
  },
  'key-files': { program: 'make-key-file-vectors.mjs', makes: forEverybody('key-file') },
  enrolments: { program: 'make-enrolment-vectors.mjs', makes: forEverybody('enrolment') },
  http: { program: 'make-http-vectors.mjs', makes: forEverybody('http-request', 'http-response') },
};

/** What holds signed documents of organisations, or their hashes, in the order in which it is made. */
export const WITH_DOCUMENTS = {
  anew: ['organisations', 'trust'],
  from: ['proposals', 'prompts', 'replies', 'golden', 'signed', 'freshness', 'questions'],
  /** Made from the documents, so that they go when those are others. */
  files: [
    ...golden('bundle', 'invocation', 'frames', 'answer', 'evidence', 'proposal'),
    'golden/answer-question.txt',
    ...forEverybody('statement', 'envelope', 'bundle', 'tag', 'root', 'policy', 'directory', 'invocation', 'frames'),
    ...forEverybody('evidence', 'statement-suites', 'envelope-suites', 'tag-suites', 'invocation-suites'),
    ...forEverybody('frames-suites', 'label-freshness', 'directory-freshness', 'invocation-contents'),
    ...forEverybody('statement-contents'),
  ],
};

/**
 * Runs a generator to its end. It adds what is not there and changes nothing that is.
 * @param {string} name of GENERATORS
 * @param {string} [folder] in place of `vectors/`
 * @param {readonly string[]} [more] arguments
 * @throws {Error} with what it said, when it fails
 */
export function runGenerator(name, folder, more = []) {
  const program = fileURLToPath(new URL(GENERATORS[name].program, import.meta.url));
  const [command, options] = program.endsWith('.py')
    ? ['/usr/bin/python3', []]
    : [process.execPath, ['--conditions=bulla-source', `--import=${LOADER}`, '--no-warnings']];
  const args = [...options, program, ...(folder === undefined ? [] : [`--vectors=${folder}`]), ...more];
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
}

function golden(...names) {
  return names.map((name) => `golden/${name}.json`);
}

function forEverybody(...names) {
  return names.map((name) => `${name}.json`);
}
