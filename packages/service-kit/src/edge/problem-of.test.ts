import { Problem } from '@bulla/contract';
import { CryptoError } from '@bulla/crypto';
import { HttpException, NotFoundException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { brokenConstraint, databaseFault } from '../database/database-fault.js';
import { TokenFault } from '../token/token-fault.js';
import { isOurFault, problemOf } from './problem-of.js';

const withCode = (code: string, more: object = {}) => Object.assign(new Error('canary'), { code, ...more });

describe('any error becomes a problem', () => {
  it.each([
    ['a problem', new Problem('needs_rewrap'), 'needs_rewrap'],
    ['a malformed token', new CryptoError('token_malformed', 'no'), 'validation_failed'],
    ['a code of clients', new CryptoError('pin_mismatch', 'no'), 'validation_failed'],
    ['a tampered envelope', new CryptoError('envelope_tampered', 'no'), 'envelope_tampered'],
    ['a fork of the directory', new CryptoError('trust_rollback', 'no'), 'trust_rollback'],
    ['too large a token', new CryptoError('payload_too_large', 'no'), 'payload_too_large'],
    ['an unknown route', new NotFoundException('canary'), 'not_found'],
    ['a status of the framework', new HttpException('canary', 418), 'validation_failed'],
    ['a failure of the framework', new HttpException('canary', 501), 'internal'],
    ['a full service', new HttpException('canary', 503), 'overloaded'],
    ['a body too large', { statusCode: 413, message: 'canary' }, 'payload_too_large'],
    ['a wrong media type', { statusCode: 415 }, 'unsupported_media_type'],
    ['too many clients', withCode('53300'), 'overloaded'],
    ['an administrator', withCode('57P01'), 'overloaded'],
    ['a statement that took too long', withCode('57014'), 'overloaded'],
    ['a deadlock', withCode('40P01'), 'overloaded'],
    ['a full disk', withCode('53100'), 'overloaded'],
    ['a read-only server', withCode('25006'), 'overloaded'],
    ['a role that may not write any more', withCode('42501'), 'overloaded'],
    ['a lock that is held', withCode('55P03'), 'overloaded'],
    ['no server', withCode('ECONNREFUSED'), 'overloaded'],
    ['a lost connection', new Error('Connection terminated unexpectedly'), 'overloaded'],
    ['a full pool', new Error('timeout exceeded when trying to connect'), 'overloaded'],
    ['a constraint nobody expected', withCode('23505', { constraint: 'a_key' }), 'internal'],
    ['a mistake', new TypeError('canary'), 'internal'],
    ['a text', 'canary', 'internal'],
    ['nothing', undefined, 'internal'],
  ])('%s', (_name, error, code) => {
    const problem = problemOf(error);
    expect(problem.code).toBe(code);
    expect(`${problem.message} ${problem.detail}`).not.toContain('canary');
    expect(isOurFault(problem)).toBe(code === 'internal' || code === 'overloaded');
    expect(problem.retryAfterSeconds).toBe(code === 'overloaded' ? 1 : undefined);
  });

  it('also where the token of a key is away, which passes [guard: token-away]', () => {
    const place = { token: 'canary', object: 'canary', module: '/m', pinFile: '/p' };
    const problem = problemOf(new TokenFault('no_token', place));
    expect(problem).toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(`${problem.message} ${problem.detail}`).not.toContain('canary');
  });

  it('with the words of the check, but not after a private key was used [guard: cause-of-errors]', () => {
    expect(problemOf(new CryptoError('key_unknown', 'no such key')).detail).toBe('no such key');
    expect(problemOf(new CryptoError('open_failed', 'no such key')).detail).toBeUndefined();
  });
});

describe('a fault of the database', () => {
  it('is known by code and constraint, and by nothing it quotes', () => {
    const error = withCode('23505', { constraint: 'thing_pkey', detail: 'Key (id)=(canary) already exists.' });
    expect(databaseFault(error)).toEqual({ code: '23505', constraint: 'thing_pkey' });
    expect(databaseFault(withCode('23505', { constraint: 'canary; drop' }))).toEqual({ code: '23505' });
    expect(databaseFault(withCode('ERR_INVALID_ARG_TYPE'))).toBeUndefined();
    expect(databaseFault(null)).toBeUndefined();
    expect(brokenConstraint(error)).toBe('thing_pkey');
    expect(brokenConstraint(withCode('57014', { constraint: 'x' }))).toBeUndefined();
    expect(brokenConstraint(new Error('x'))).toBeUndefined();
  });
});
