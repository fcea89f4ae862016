import type { BullaErrorCode, ErrorDetails, UpstreamFault } from '@bulla/client';
import type { TlsFault } from '@bulla/contract';
import { BullaError } from '@bulla/client';
import type { CryptoError } from '@bulla/crypto';

/** What the command that failed was called with. */
export interface About {
  /** The prompt or file that it is about. */
  readonly subject?: string | undefined;
  /** Its name, such as `prompt push`. */
  readonly command?: string | undefined;
  /** The label that it names with --label. */
  readonly label?: string | undefined;
  /** The file of authorities that it trusts (BULLA_CA_FILE). */
  readonly caFile?: string | undefined;
  /** Whether a program reads what goes wrong (--json). */
  readonly asJson?: boolean | undefined;
  /** What the parser said about a wrong command line: the error, then hints. */
  readonly usage?: readonly string[] | undefined;
}

const RESTORED_HINT =
  'everyone who remembers more than the backup runs `bulla trust hand-back`; then an admin runs `bulla trust resume`';
const SINK_HINT =
  'mend the sink, or --to; then run it again: it goes on with the first entry that the sink does not have';
/** What to do about a code; null where its title says all. A code that is missing here does not compile. */
const HINTS: Readonly<Record<BullaErrorCode, string | null>> = {
  pii_policy_failed:
    'take it out of what you send, or choose BULLA_PII=mask; with BULLA_PII_DETECTOR, see that it answers (docs/guide/pii.md)',
  transport_failed: 'start it with `bulla up` (or npm start); `bulla doctor` looks closer',
  pin_mismatch:
    'somebody else stands in the place of this organisation, or the pin is that of another; `bulla trust pin` prints the pinned one',
  trust_expired: 'run `bulla trust renew`, where the keys of the organisation are; `bulla up` does it too',
  trust_rollback:
    'the vault shows a state that does not come after the one this machine has seen; it was restored from a backup, or somebody changed it; if it was restored: `bulla trust hand-back`',
  vault_restored: RESTORED_HINT,
  label_stale: 'somebody else moved it meanwhile: look again with `bulla prompt show NAME`, then decide anew',
  label_not_found: 'list the labels with `bulla prompt show NAME`, or choose with --label or --version',
  unauthenticated:
    'this device was revoked, ran out or never came in; ask an owner for an invitation, then: bulla device enrol',
  clock_skew: 'set the clock of this machine; `bulla doctor` compares it with the vault',
  version_conflict: 'pull it with `bulla prompt pull NAME`, put your change on top and push again',
  variable_missing: 'give it with --var name=value, --var name=@file or --var name=-',
  variable_unknown: '`bulla prompt show NAME` lists the variables of the prompt',
  payload_too_large: 'shorten the prompt, or what is given for its variables',
  model_not_allowed:
    'the prompt asks for a model under `model` in its file; `bulla models list` says which there are, by BULLA_LLM or BULLA_MODELS_FILE where the responder runs',
  model_incapable: '`bulla models list` says what each model can do: name another, or ask for less',
  rate_limited: 'wait a moment and repeat; the limits are settings of the services (BULLA_LIMIT_…)',
  responder_key_changed:
    'if its operator confirms the new key another way, the person who keeps the directory key runs: bulla trust accept responder --fingerprint NEW --keys FILE (FILE is what `bulla keys public` prints at the responder)',
  upstream_unavailable: 'the responder cannot use its model: see BULLA_LLM or BULLA_MODELS_FILE where `bulla up` runs',
  upstream_rate_limited: 'wait a moment and repeat; the model server limits the responder',
  upstream_timeout:
    'the model took too long: see BULLA_LLM_TIMEOUT_MS, or timeout_ms in BULLA_MODELS_FILE, where `bulla up` runs',
  upstream_auth:
    'the model refused the key of the responder: see BULLA_LLM_API_KEY, or the key that BULLA_MODELS_FILE names, where `bulla up` runs',
  key_revoked:
    'a device that is listed no more signed it; another author pushes the prompt again, or moves its label: bulla prompt promote',
  needs_rewrap:
    'the responder moves what it can to its new key by itself, else an author does: bulla prompt reseal NAME --labelled',
  sealed: 'the root key of the vault is in shares: holders bring them with `bulla unseal FILE`',
  indeterminate: 'it may have run: whether to ask again is your decision',
  forbidden: null,
  not_found: null,
  validation_failed: null,
  envelope_tampered: null,
  envelope_expired: null,
  envelope_replayed: null,
  envelope_revoked: null,
  signature_invalid: null,
  key_unknown: null,
  guardrail_denied: null,
  budget_exceeded: null,
  stream_truncated: null,
  idempotency_conflict: null,
  overloaded: null,
  internal: null,
  open_failed: null,
  grant_unfit:
    'the responder takes it back within a minute: ask again; if it stays, who can open the version runs `bulla prompt reseal NAME --labelled`; `bulla prompt unfit` says who posted it',
  content_uncommitted:
    'its author pulls it with `bulla prompt pull NAME` and pushes it again: the same text becomes a new version',
  name_taken: null,
  custody_not_allowed: null,
  precondition_required: null,
  unsupported_media_type: null,
  method_not_allowed: null,
  request_timeout: null,
  headers_too_large: null,
  token_malformed: null,
  suite_unknown: null,
  key_invalid: null,
  log_inconsistent:
    'an auditor runs `bulla audit verify --json` on this machine and keeps what it prints: it may be proof; then ask the operator of the service',
  head_missing:
    'the operator looks whether the responder is ready (`audit-head`) and runs this version; `bulla doctor` shows what it says of itself',
};

/** What comes first where a document would have locked everybody out. */
const LOCK_OUT_HINTS: Readonly<Record<string, string>> = {
  'lock-out-suites':
    'put the new suite first and leave the old one in the list: `bulla policy set FILE`; then keys of it for each: `bulla keys generate --like FILE --suite SUITE`, `bulla trust renew`; the old one goes last (docs/guide/people.md)',
  'lock-out-directory':
    'let another owner in first: `bulla device invite --role owner`, then repeat this; for a responder: `bulla keys generate`, `bulla trust accept`',
  'lock-out-expiry': 'set the clock of this machine; `bulla doctor` compares it with the vault',
};

/** What is published cannot be taken back, and nobody takes it before its day. */
const PUBLISHED_AHEAD_HINT =
  'if the clock is behind, set it. If it is right, it was ahead when that was signed: until that day nothing here counts; to work today, begin anew in another folder (BULLA_HOME)';

const KEY_FILE_HINT =
  'its operator renames the file to where BULLA_KEYS_FILE says, on every replica; it is taken within two seconds; then repeat this; if the file can only come later: --file-later';

export const NOT_HELD_HINT =
  'put the file with that key in its place and wait for `keys-taken` in the log, then repeat this; if the service cannot get it any more, end that key, too: bulla trust retire SERVICE --not-held';

/** What to do where a text cannot be sent as it is. */
const CLEAR_HINTS: Readonly<Record<string, string>> = {
  'clear-custody': 'push it without --clear; `bulla policy show` says which names the vault manages',
  'clear-connection':
    'push it without --clear: it is sealed here then; or use the https address of the vault (--url, BULLA_URL, the profile)',
};

/** Something answered, and it was not what the service of this address says, or not in its name. */
const ANSWERED_HINT =
  'something answers there: a proxy, another service, or the service itself while it begins; `bulla doctor` looks closer';
/** A responder that cannot open a question signs no answer to it: it went on with its old keys after new ones were listed. */
const CANNOT_OPEN_HINT =
  'the responder has other keys than the directory lists: its operator puts the listed key file in place, and the responder takes it within two seconds (docs/guide/people.md)';

/** What to do where TLS does not come about. */
const TLS_HINTS: Readonly<Record<TlsFault, string>> = {
  untrusted:
    'if it is an authority of your own, name the file with its certificate: BULLA_CA_FILE=ca.pem (docs/guide/tls.md)',
  expired: 'its operator renews it (BULLA_TLS_CERT_FILE); if the clock of this machine is ahead, set it',
  not_yet: 'set the clock of this machine; if it is right, its operator puts another certificate in place',
  other_name:
    'use a name that stands in the certificate (--url, BULLA_URL, the profile), or its operator gets one for this name',
  no_tls: 'mend the address (--url, BULLA_URL, the profile); `bulla doctor` looks closer',
  other_version: 'a Bulla service speaks TLS 1.3: something else stands in its place; `bulla doctor` looks closer',
  other: '`bulla doctor` looks closer; docs/guide/tls.md says what a certificate has to be',
};
/** It may be the right answer to the wrong protocol. */
const HTTP_TO_TLS_HINT =
  'something answers there: the service itself where it speaks TLS, and then its address begins with https (--url, BULLA_URL, the profile); `bulla doctor` looks closer';

/** A renewer, and nobody else, says what is the newest. */
const FRESH_HINT =
  'the renewer has been quiet: start it (`bulla up`, the service renew, or `bulla trust renew` where its keys are); `bulla doctor` says since when';

/** What to do where a responder says what became of its model server. */
const UPSTREAM_HINTS: Readonly<Record<string, string>> = {
  connection_refused: 'start it, or mend BULLA_LLM or BULLA_MODELS_FILE where the responder runs',
  host_unknown: 'mend BULLA_LLM or BULLA_MODELS_FILE where the responder runs',
  tls_failed:
    'mend BULLA_LLM or BULLA_MODELS_FILE where the responder runs, or have it trust the certificate (BULLA_CA_FILE)',
  http_status:
    'its log says why; BULLA_LLM and BULLA_LLM_MODEL, or BULLA_MODELS_FILE, are set where the responder runs',
  not_completions:
    'the URL in BULLA_LLM or BULLA_MODELS_FILE is the base of an OpenAI-compatible API, mostly with /v1 at its end: http://127.0.0.1:11434/v1',
  hung_up: 'run it again; if it happens again, the log of the model server says why',
  cut: 'run it again; if it happens again, the log of the model server says why',
  resting: 'wait a minute and repeat; if it happens again, the log of the model server says why',
  full: 'wait a moment and repeat; `concurrent` in BULLA_MODELS_FILE says how many it takes at once',
  withheld: 'its provider did not let the answer out: ask in other words',
};
/** What is answered where nobody serves the API. */
const NO_SUCH_PATH = new Set([404, 405]);

/** What to do about a code. */
export function hintOfCode(code: BullaErrorCode): string | undefined {
  return HINTS[code] ?? undefined;
}

const CHAT_HINT =
  'who signs the policy opens it for a group: bulla policy set --chat GROUP; `bulla whoami` shows the groups of this device';

/** What to do about a model server, by what became of it. */
export function upstreamHint({ cause = '', status = 0 }: UpstreamFault): string | undefined {
  return UPSTREAM_HINTS[cause === 'http_status' && NO_SUCH_PATH.has(status) ? 'not_completions' : cause];
}

/** What can be done about an error, by its code and the command that met it. */
export function hintOf(error: BullaError | CryptoError, about: About): string | undefined {
  const { code, check } = error;
  const { details, status, upstream }: Partial<BullaError> = error instanceof BullaError ? error : {};
  // It says itself what to do.
  if (details?.kind === 'adopt') return undefined;
  if (code === 'not_found') return notFoundHint(details, about);
  if (check !== undefined && Object.hasOwn(CLEAR_HINTS, check)) return CLEAR_HINTS[check];
  if (code === 'forbidden') return about.command === 'chat' ? CHAT_HINT : forbiddenHint(check, details);
  if (check !== undefined && Object.hasOwn(LOCK_OUT_HINTS, check)) return LOCK_OUT_HINTS[check];
  if (check === 'key-file') return KEY_FILE_HINT;
  if (check === 'key-not-held') return NOT_HELD_HINT;
  if (check === 'published-ahead') return PUBLISHED_AHEAD_HINT;
  if (check === 'label-history') return unprovenHint(about);
  if (check === 'sink') return SINK_HINT;
  if (check === 'directory-fresh' || check === 'tag-fresh') return FRESH_HINT;
  if (details?.kind === 'tls') return tlsHint(details.fault, about);
  if (code === 'transport_failed' && status !== undefined) return answeredHint(status, details);
  if (code === 'upstream_unavailable' && upstream !== undefined) {
    const hint = upstreamHint(upstream);
    if (hint !== undefined) return hint;
  }
  const hint = hintOfCode(code);
  // The command that accepts a key, with the key that was seen; it still takes somebody to confirm it.
  const exact = details?.kind === 'key' ? hint?.replace('NEW', details.fingerprint) : hint;
  return about.subject === undefined ? exact : exact?.replace('NAME', about.subject);
}

/** Something answered, and not as the service of this address does. */
function answeredHint(status: number, details: ErrorDetails | undefined): string {
  if (details?.kind === 'unsigned' && details.code === 'open_failed') return CANNOT_OPEN_HINT;
  return status === 400 ? HTTP_TO_TLS_HINT : ANSWERED_HINT;
}

/** What to do about a certificate; the file that was to vouch for it is named. */
export function tlsHint(fault: TlsFault, { caFile }: Pick<About, 'caFile'>): string {
  if (fault !== 'untrusted' || caFile === undefined) return TLS_HINTS[fault];
  return `BULLA_CA_FILE names ${caFile}, and the authority of this certificate is not in it: put its certificate there, too (docs/guide/tls.md)`;
}

/** Which version came before is nobody's word: a person says which one it shall be. */
function unprovenHint({ subject = 'NAME', label = 'LABEL' }: About): string {
  return `name the version: \`bulla prompt history ${subject}\` lists them, then: bulla prompt promote ${subject} VERSION --label ${label}`;
}

function notFoundHint(details: ErrorDetails | undefined, { subject, command = '' }: About): string {
  if (details?.kind === 'organisation')
    return 'is it the right vault? If it is and its database is new: `bulla trust renew`, where the keys of the organisation are';
  if (command.startsWith('approve')) return 'list what waits with `bulla approve list`';
  if (command.startsWith('device')) return 'list the devices with `bulla device list`';
  const prompts = 'list what there is with `bulla prompt list`';
  if (subject === undefined || details?.kind === 'prompt') return prompts;
  return `${prompts}, versions with \`bulla prompt history ${subject}\``;
}

/** Of what a service refuses without a word; what this side finds says itself what is missing. */
function forbiddenHint(check: string | undefined, details: ErrorDetails | undefined): string | undefined {
  if (details?.kind === 'unsealed') {
    const which = details.versions.length > 1 ? '--all' : `--version ${details.versions.join()}`;
    return `somebody who can open it seals it to those who came since: bulla prompt reseal ${details.name} ${which}`;
  }
  if (check === 'tag-threshold')
    return 'the policy protects the label; `bulla approve list` shows what waits, who may sign it reads where it stands and says so: `bulla prompt confirm NAME@LABEL`';
  if (details?.kind === 'unsaid')
    return 'roles and groups decide: `bulla device list` shows those of this device, `bulla policy show` who writes which names';
  return undefined;
}
