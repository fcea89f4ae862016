import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CLIENT_PROBLEMS, Problem, ProblemDocument, problemDocument, PROBLEMS } from '@bulla/contract';
import type { ProblemCode } from '@bulla/contract';

const docs = readFileSync(new URL('../../../docs/problems.md', import.meta.url), 'utf8');
const codes = Object.keys(PROBLEMS) as ProblemCode[];
const place = { requestId: 'r-1', origin: 'vault', nowMs: 0 } as const;

describe('docs/problems.md', () => {
  it('documents every problem in the order of the table, and nothing else', () => {
    const headings = [...docs.matchAll(/^## `([a-z_]+)`$/gm)].map(([, code]) => code);
    expect(headings).toEqual([...codes, ...Object.keys(CLIENT_PROBLEMS)]);
    expect(docs.match(/^## /gm)).toHaveLength(headings.length);
  });

  it.each(Object.entries({ ...PROBLEMS, ...CLIENT_PROBLEMS }))(
    'says about %s what the table says, the cause and what to do',
    (code, entry) => {
      const section = docs.split(`## \`${code}\`\n\n`)[1]?.split('\n#')[0] ?? '';
      const status = 'status' in entry ? `Status ${entry.status}. ` : '';
      const [title, facts, cause, fix, ...rest] = section.trim().split('\n\n');
      expect(title).toBe(entry.title);
      expect(facts).toBe(`${status}Retry: ${entry.retryable ? 'yes' : 'no'}.`);
      expect(cause).toMatch(/^\*\*Cause\.\*\* \S.{20}/);
      expect(fix).toMatch(/^\*\*What to do\.\*\* \S.{10}/);
      expect(rest).toEqual([]);
    },
  );
});

describe('the table', () => {
  it.each<[number, ProblemCode[]]>([
    [400, ['validation_failed', 'variable_missing', 'envelope_tampered', 'open_failed', 'variable_unknown']],
    [401, ['unauthenticated', 'clock_skew', 'signature_invalid', 'key_unknown', 'key_revoked']],
    [
      403,
      [
        'forbidden',
        'trust_expired',
        'envelope_expired',
        'envelope_revoked',
        'guardrail_denied',
        'model_not_allowed',
        'custody_not_allowed',
      ],
    ],
    [404, ['not_found', 'label_not_found']],
    [405, ['method_not_allowed']],
    [408, ['request_timeout']],
    [
      409,
      [
        'needs_rewrap',
        'trust_rollback',
        'responder_key_changed',
        'envelope_replayed',
        'indeterminate',
        'vault_restored',
        'grant_unfit',
        'content_uncommitted',
        'name_taken',
      ],
    ],
    [412, ['version_conflict', 'label_stale']],
    [413, ['payload_too_large']],
    [415, ['unsupported_media_type']],
    [422, ['model_incapable', 'idempotency_conflict']],
    [423, ['sealed']],
    [428, ['precondition_required']],
    [429, ['rate_limited', 'budget_exceeded']],
    [431, ['headers_too_large']],
    [500, ['internal']],
    [502, ['upstream_auth', 'upstream_unavailable', 'stream_truncated']],
    [503, ['upstream_rate_limited', 'overloaded']],
    [504, ['upstream_timeout']],
  ])('has these codes for %i', (status, expected) => {
    expect(codes.filter((code) => PROBLEMS[code].status === status)).toEqual(expected);
  });

  it('calls exactly these worth another try', () => {
    expect(codes.filter((code) => PROBLEMS[code].retryable)).toEqual([
      'sealed',
      'rate_limited',
      'upstream_rate_limited',
      'upstream_timeout',
      'upstream_unavailable',
      'overloaded',
      'request_timeout',
    ]);
  });

  it('keeps the codes of clients apart', () => {
    expect(Object.keys(CLIENT_PROBLEMS).filter((code) => code in PROBLEMS)).toEqual([]);
  });

  it.each(Object.entries({ ...PROBLEMS, ...CLIENT_PROBLEMS }))('has one sentence for %s', (_code, { title }) => {
    expect(title).toMatch(/^[A-Z][^\n]{10,100}\.$/);
  });
});

describe('a problem', () => {
  it.each(codes)('%s becomes a valid document', (code) => {
    const document = problemDocument(new Problem(code), place);
    expect(ProblemDocument.parse(document)).toEqual(document);
    expect(document).toMatchObject({ type: `urn:bulla:problem:${code}`, code, status: PROBLEMS[code].status });
    expect('time' in document).toBe(code === 'clock_skew');
  });

  it('carries what is known about this occurrence', () => {
    const errors = [{ pointer: '/name', message: 'must be a name' }];
    const cause = new Error('inner');
    const problem = new Problem('validation_failed', { detail: 'the body is wrong', errors, cause });
    expect(problem).toMatchObject({ name: 'Problem', message: 'the body is wrong', cause });
    expect(problemDocument(problem, place)).toEqual({
      type: 'urn:bulla:problem:validation_failed',
      title: 'The request does not have the right form.',
      status: 400,
      detail: 'the body is wrong',
      code: 'validation_failed',
      request_id: 'r-1',
      origin: 'vault',
      retryable: false,
      errors,
    });
  });

  it('never shows its cause', () => {
    const problem = new Problem('internal', { cause: new Error('canary') });
    expect(JSON.stringify(problemDocument(problem, place))).not.toContain('canary');
  });

  it('is retryable once somebody says when', () => {
    expect(new Problem('indeterminate').retryable).toBe(false);
    expect(problemDocument(new Problem('indeterminate', { retryAfterSeconds: 1 }), place).retryable).toBe(true);
  });

  it('tells the clock of the service when clocks differ', () => {
    expect(problemDocument(new Problem('clock_skew'), place).time).toBe('1970-01-01T00:00:00.000Z');
  });
});
