import type { AnswerCheck, Check } from '@bulla/crypto';

/** What a check of an answer file looks at, in plain words. docs/spec/evidence.md has the same table. */
export interface Explanation {
  readonly checked: string;
  readonly against: string;
  /** For which moment. */
  readonly at: string;
  readonly notProved: string;
}

const DOCUMENTS = 'the pin, and for each document the root that it states';
const DIRECTORY = "the answer's directory";
const MEMBERS = 'envelope, pieces and reply';
const TIME_OF_REPLY = 'when the reply was signed';
const TIME_OF_QUESTION = 'when the vault issued the envelope';
const NO_TIME = 'any time';

export const EXPLANATIONS: Readonly<Record<AnswerCheck, Explanation>> = {
  'answer-form': {
    checked: 'the file is written as one program writes it, byte for byte, with no member more, less or twice',
    against: 'the format',
    at: NO_TIME,
    notProved: 'that anything in it is true',
  },
  trust: {
    checked:
      'the roots lead here from the pin; policy and directory are signed as their roots want it, were issued while these roots counted, and belong to each other',
    against: DOCUMENTS,
    at: 'when they were issued; whether they have expired since is said',
    notProved: 'that the directory was the newest; that nobody else had the keys that signed it',
  },
  'document-signatures': {
    checked: 'every signature on every document is good, also those beyond what is needed',
    against: 'the keys of the roots in the file',
    at: NO_TIME,
    notProved: 'more than the check before',
  },
  signatures: {
    checked: 'envelope and reply are unchanged since they were signed',
    against: `the keys of ${DIRECTORY}`,
    at: NO_TIME,
    notProved: 'when they were signed',
  },
  envelope: {
    checked: 'the vault issued the envelope to this asker for this responder, and it was answered in time',
    against: DIRECTORY,
    at: "the envelope's end, or when the reply was signed if that was earlier",
    notProved: "that the vault's clock was right",
  },
  deltas: {
    checked: 'the pieces of the answer can be read',
    against: 'the format',
    at: NO_TIME,
    notProved: 'that they are the ones that were signed, which is the next check',
  },
  reply: {
    checked: 'the responder signed this envelope, this question, every piece, and this very directory',
    against: `${DIRECTORY}, envelope and pieces`,
    at: TIME_OF_REPLY,
    notProved:
      "that the words are true, that the model it names made them, or that its clock was right beyond the directory's life",
  },
  checkpoint: {
    checked:
      "the state of the responder's audit log that the reply carries, where it carries one, is signed by that log",
    against: `the keys for checkpoints of ${DIRECTORY}`,
    at: NO_TIME,
    notProved: 'that everybody sees this log; --audit holds it against an exported one',
  },
  policy: {
    checked: 'the policy had not expired',
    against: "the answer's policy",
    at: TIME_OF_QUESTION,
    notProved: 'that it was the newest policy',
  },
  asker: {
    checked: 'the asker was a device of the organisation, might ask, and had the key that the envelope names',
    against: DIRECTORY,
    at: TIME_OF_QUESTION,
    notProved: 'who sat before that device',
  },
  version: {
    checked: 'the version of the prompt had not been withdrawn',
    against: DIRECTORY,
    at: TIME_OF_REPLY,
    notProved: 'that nobody withdrew it later',
  },
  tags: {
    checked: 'as many people as the policy wants had signed that the label stands at this prompt and this version',
    against: `${DIRECTORY} and policy`,
    at: `${TIME_OF_REPLY}; what was signed later does not count, and whether it had expired is said`,
    notProved: 'that the asker asked for it by this label',
  },
  newest: {
    checked: 'the label had not moved on: its signers or a renewer said so lately',
    against: 'the tags, and what renewers say in the file',
    at: TIME_OF_QUESTION,
    notProved: 'decides nothing: the asker’s own program refused what was not the newest',
  },
  question: {
    checked: 'the asker signed the question that is shown, and it is the one that was answered',
    against: `envelope, reply and ${DIRECTORY}`,
    at: "when the reply was signed, or the question's end if that was earlier",
    notProved: 'where it is not shown: what was asked',
  },
  text: {
    checked: 'the text in front is that of the pieces',
    against: MEMBERS,
    at: NO_TIME,
    notProved: 'that it is true',
  },
  usage: {
    checked: 'the count of tokens in front is the signed one',
    against: MEMBERS,
    at: NO_TIME,
    notProved: 'that the model counted rightly',
  },
  prompt: {
    checked: 'name and version in front are the signed ones',
    against: MEMBERS,
    at: NO_TIME,
    notProved: 'what the prompt says',
  },
  responder: {
    checked: 'the responder in front is the one that signed',
    against: MEMBERS,
    at: NO_TIME,
    notProved: 'where it runs',
  },
  'revoked-since': {
    checked: 'no key of the answer was revoked, and none that signed its documents was dropped',
    against: 'newer documents that this machine trusts, and the newest root of theirs and the file’s',
    at: 'when those documents were issued',
    notProved: 'what was published after them; a thief signs with an old date until the key is revoked',
  },
};

/** A check as it is printed: with no mark of its own where nothing was looked for. */
export function findingOf({ name, state, detail }: Check) {
  return { name, ok: state === 'not_looked_for' ? undefined : state === 'passed', detail };
}
