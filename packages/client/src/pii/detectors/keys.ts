import { decodeBase64url } from '@bulla/crypto';
import type { Finding } from '../finding.js';

const PEM_BEGINNING = /-----BEGIN ((?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?)-----/g;
/** Longest body of a private key: what has no end within it is masked up to there. */
const PEM_MAX = 16_384;

/** Private keys in PEM and OpenPGP armour, to their last line; one that is cut off ends with its text. */
export function* findPrivateKeys(text: string): Generator<Finding> {
  let last = 0;
  for (const { index: start, 0: begin, 1: label } of text.matchAll(PEM_BEGINNING)) {
    if (start < last) continue;
    const marker = `-----END ${label}-----`;
    const body = text.slice(start, start + PEM_MAX);
    const at = body.indexOf(marker, begin.length);
    last = start + (at < 0 ? body.length : at + marker.length);
    yield { type: 'PRIVATE_KEY', start, end: last };
  }
}

const TOKEN =
  /(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{5,4096}(?:\.[A-Za-z0-9_-]{0,65536}){0,3}\.[A-Za-z0-9_-]{1,65536}(?![A-Za-z0-9_-])/g;

/** JSON Web Tokens and other compact JOSE: their first part is JSON that names an algorithm. */
export function* findTokens(text: string): Generator<Finding> {
  for (const { index: start, 0: token } of text.matchAll(TOKEN)) {
    // guard: pii-token-header without: if (token !== '')
    if (namesAlgorithm(token.slice(0, token.indexOf('.')))) yield { type: 'TOKEN', start, end: start + token.length };
  }
}

function namesAlgorithm(part: string): boolean {
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(decodeBase64url(part)));
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false;
  }
}

/** Keys whose makers gave them a shape: a prefix, an alphabet and a length. */
const API_KEYS = [
  // OpenAI, Anthropic and those that copy them; OpenRouter
  'sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,200}',
  // AWS access keys
  '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}',
  // GitHub, GitLab
  'gh[pousr]_[A-Za-z0-9]{36,251}',
  'github_pat_[A-Za-z0-9_]{82}',
  'glpat-[A-Za-z0-9_-]{20,64}',
  // Google
  'AIza[A-Za-z0-9_-]{35}',
  'GOCSPX-[A-Za-z0-9_-]{28}',
  // Slack
  'xox[abeoprs]-[A-Za-z0-9-]{10,200}',
  // Stripe
  '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,200}',
  'whsec_[A-Za-z0-9+/=]{24,100}',
  // npm, PyPI, Hugging Face, SendGrid, DigitalOcean
  'npm_[A-Za-z0-9]{36}',
  'pypi-[A-Za-z0-9_-]{50,250}',
  'hf_[A-Za-z0-9]{30,60}',
  'SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}',
  'do[opr]_v1_[a-f0-9]{64}',
];
const API_KEY = new RegExp(`(?<![A-Za-z0-9_-])(?:${API_KEYS.join('|')})(?![A-Za-z0-9_-])`, 'g');
/** Words with hyphens have the same letters: a key has digits or capitals among them. */
const MIXED = /\d/;

/** Keys of interfaces, by the shapes that their makers give them. */
export function* findApiKeys(text: string): Generator<Finding> {
  for (const { index: start, 0: key } of text.matchAll(API_KEY))
    if (MIXED.test(key.slice(3))) yield { type: 'API_KEY', start, end: start + key.length };
}
