import { describe, expect, it } from '@jest/globals';
import { readStandaloneSettings } from './settings.js';

describe('the settings of bulla up', () => {
  it('have the defaults of the README', () => {
    expect(readStandaloneSettings({})).toMatchObject({
      BULLA_HOST: '127.0.0.1',
      BULLA_VAULT_PORT: 4100,
      BULLA_RESPONDER_PORT: 4200,
      BULLA_METRICS_PORT: 9464,
      BULLA_LOG_LEVEL: 'info',
    });
  });

  it.each([
    ['an unknown name', { BULLA_VAULT_PROT: '1' }, /BULLA_VAULT_PROT \(from the environment\): not a setting of Bulla/],
    [
      'a port that is none',
      { BULLA_VAULT_PORT: 'canary' },
      /BULLA_VAULT_PORT \(from the environment\): expected a port/,
    ],
    ['what Kubernetes injects', { BULLA_VAULT_PORT: 'tcp://10.0.0.1:4100' }, /Kubernetes sets it for a Service/],
    [
      'a Redis that is none',
      { BULLA_REDIS_URL: 'canary' },
      /BULLA_REDIS_URL .*expected a URL such as redis:\/\/host:6379/,
    ],
    ['a model of no known kind', { BULLA_LLM: 'canary' }, /BULLA_LLM .*expected openai:/],
  ])('refuse %s with its name, where it came from and what was expected', (_name, env, message) => {
    let refusal: unknown;
    try {
      readStandaloneSettings(env);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ exitCode: 78, message: expect.stringMatching(message) });
    expect((refusal as Error).message).not.toContain('canary');
  });
});
