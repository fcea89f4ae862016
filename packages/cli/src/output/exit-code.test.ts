import type { BullaErrorOptions } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { HomeError } from '@bulla/client/node';
import { CryptoError } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { Sink } from '../../test/world.js';
import { CheckFailed, report } from './exit-code.js';
import { Output } from './output.js';
import { PromptFileError } from '../input/prompt-file-error.js';
import { SettingError } from '../input/settings.js';
import { UsageError } from '../input/usage-error.js';

function reported(
  error: unknown,
  { interrupted = false, subject = undefined as string | undefined, command = undefined as string | undefined } = {},
): { code: number; stderr: string } {
  const stderr = new Sink();
  const code = report(error, new Output({ stdout: new Sink(), stderr, env: {} }), interrupted, { subject, command });
  return { code, stderr: stderr.text };
}

const coded = (code: string, origin: string, status?: number) =>
  new BullaError(code as 'internal', { message: 'why', origin: origin as 'vault', status });

describe('exit codes', () => {
  it.each([
    ['a conflict', coded('version_conflict', 'vault', 412), 3],
    ['an envelope used up', coded('envelope_replayed', 'responder', 409), 3],
    ['a stranger', coded('unauthenticated', 'vault', 401), 4],
    ['a clock that is wrong', coded('clock_skew', 'vault', 401), 4],
    ['a right that is missing', coded('forbidden', 'vault', 403), 5],
    ['a label that too few signed', coded('forbidden', 'client'), 5],
    ['something that is not there', coded('not_found', 'vault', 404), 6],
    ['too many requests', coded('rate_limited', 'vault', 429), 7],
    ['no connection', coded('transport_failed', 'client'), 8],
    ['a model that does not answer', coded('upstream_timeout', 'provider'), 8],
    ['a service that is locked', coded('sealed', 'vault', 423), 9],
    ['a stream that was cut', coded('stream_truncated', 'client'), 10],
    ['a root that is not pinned', coded('pin_mismatch', 'client'), 10],
    ['a signature that this side found wrong', coded('signature_invalid', 'client'), 10],
    ['a label that went back', coded('label_stale', 'client'), 10],
    ['a label that moved meanwhile', coded('label_stale', 'vault', 412), 3],
    ['a swapped content that the responder found', coded('envelope_tampered', 'responder', 400), 10],
    ['a fault of a service', coded('internal', 'vault', 500), 1],
    ['a check of the crypto package', new CryptoError('key_unknown', 'why'), 10],
    ['a check of the command', new CheckFailed('why (check x)'), 10],
    ['a wrong call', new UsageError('why', 'hint'), 2],
    ['a prompt file that is wrong', new PromptFileError('why'), 2],
    ['a setting that is wrong', new SettingError('why'), 78],
    ['a home folder in use', new HomeError('why'), 1],
    ['help', new CommanderError(0, 'commander.help', 'why'), 0],
    ['usage', new CommanderError(1, 'commander.unknownOption', 'why'), 2],
    ['bad settings of a part', Object.assign(new Error('why'), { exitCode: 78, lines: ['why', 'and why'] }), 78],
    ['a part that cannot start', Object.assign(new Error('why'), { exitCode: 1 }), 1],
    ['a fault of the system', Object.assign(new Error('canary'), { code: 'EACCES', path: '/x' }), 1],
    ['a fault of the system without a place', Object.assign(new Error('canary'), { code: 'EMFILE' }), 1],
    ['a bug', new RangeError('canary'), 1],
    ['something thrown that is no error', undefined, 1],
  ])('%s', (_name, error, code) => {
    const ended = reported(error);
    expect(ended.code).toBe(code);
    expect(ended.stderr).not.toContain('canary');
  });

  it('of an interruption is 130, whatever was thrown', () => {
    expect(reported(new Error('aborted'), { interrupted: true })).toEqual({
      code: 130,
      stderr: 'bulla: error: interrupted\n',
    });
  });
});

describe('what is said', () => {
  it('is what it is about, why, the code, the check, each wrong member, what to do and where it is logged', () => {
    const error = new BullaError('signature_invalid', {
      message: 'why',
      origin: 'client',
      check: 'reply-signature',
      requestId: 'r1',
      errors: [
        { pointer: '/name', message: 'too long' },
        { pointer: '', message: 'not an object' },
      ],
    });
    expect(reported(error, { subject: 'claims/triage' }).stderr).toBe(
      [
        'bulla: error: claims/triage: why (signature_invalid, check reply-signature)',
        'bulla: hint: /name: too long',
        'bulla: hint: the request: not an object',
        'bulla: hint: the client logged it as request r1',
        '',
      ].join('\n'),
    );
  });

  type Told = Partial<Pick<BullaErrorOptions, 'details' | 'check'>>;
  const hintAbout = (
    code: 'not_found' | 'forbidden',
    told: Told,
    about: { subject?: string; command?: string } = {},
  ) => {
    const { stderr } = reported(new BullaError(code, { message: 'why', origin: 'client', ...told }), about);
    return /^bulla: hint: (.*)$/m.exec(stderr)?.[1];
  };
  it.each([
    ['an approval', 'approve yes', undefined, undefined, 'bulla approve list'],
    ['a device', 'device revoke', undefined, undefined, 'bulla device list'],
    ['a prompt', 'prompt show', 'a/b', { kind: 'prompt', name: 'a/b' }, '`bulla prompt list`'],
    ['perhaps a version', 'run', 'a/b', undefined, 'versions with `bulla prompt history a/b`'],
    ['an organisation', 'prompt list', undefined, { kind: 'organisation', org: 'dev' }, 'bulla trust renew'],
  ] as const)('names the list that %s would stand in', (_name, command, subject, details, hint) => {
    const about = { command, ...(subject !== undefined && { subject }) };
    expect(hintAbout('not_found', { details }, about)).toContain(hint);
  });

  it('says what decides where a service forbids, and how to get a seal that is missing', () => {
    expect(hintAbout('forbidden', { details: { kind: 'unsaid' } })).toContain('`bulla device list`');
    expect(hintAbout('forbidden', {})).toBeUndefined();
    expect(hintAbout('forbidden', { check: 'tag-threshold' })).toContain('bulla approve list');
    const unsealed = (...versions: number[]) => ({ details: { kind: 'unsealed', name: 'a/b', versions } as const });
    expect(hintAbout('forbidden', unsealed(1))).toContain('bulla prompt reseal a/b --version 1');
    expect(hintAbout('forbidden', unsealed(1, 2))).toContain('bulla prompt reseal a/b --all');
  });

  it('takes the sentence of a code into its line, and leaves others as they are', () => {
    const said = (options: Omit<BullaErrorOptions, 'origin'>) =>
      reported(new BullaError('forbidden', { ...options, origin: 'vault' })).stderr;
    const title = { message: 'You may not do this.', details: { kind: 'unsaid' } } as const;
    expect(said(title)).toMatch(/^bulla: error: you may not do this \(forbidden\)\n/);
    expect(said({ message: 'You may not, Ada.' })).toMatch(/^bulla: error: You may not, Ada\. \(forbidden\)\n/);
  });

  it.each([
    ['a file', { code: 'EACCES', path: '/x' }, 'cannot use /x: this account may not (EACCES)'],
    [
      'a port',
      { code: 'EADDRINUSE', syscall: 'listen', port: 7 },
      'cannot listen on port 7: something else listens there',
    ],
    ['what we have no word for', { code: 'EXDEV' }, 'the system refused it: EXDEV'],
  ])('says why the system refused %s', (_name, fault, told) => {
    expect(reported(Object.assign(new Error('canary'), fault)).stderr).toContain(`bulla: error: ${told}`);
  });

  it('does not say twice what it is about', () => {
    const error = new BullaError('not_found', { message: 'there is no prompt x/y', origin: 'client' });
    expect(reported(error, { subject: 'x/y' }).stderr).toMatch(
      /^bulla: error: there is no prompt x\/y \(not_found\)\n/,
    );
  });
});
