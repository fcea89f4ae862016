import { describe, expect, it } from '@jest/globals';
import { changed, GOOD, said } from '../../../test/models-yaml.js';
import { readModels } from './models-file.js';

describe('a file of models', () => {
  it('says model servers, models, and where aliases end', () => {
    const { read, mistakes } = readModels(GOOD);
    expect(mistakes).toEqual([]);
    expect(read).toEqual({
      upstreams: {
        local: { kind: 'openai', url: 'http://127.0.0.1:11434/v1' },
        cloud: { kind: 'openai', url: 'https://api.example/v1', key_file: 'keys/cloud', timeout_ms: 60_000 },
      },
      models: {
        small: { targets: [{ upstream: 'local', name: 'llama3.2', place: ['models', 'small'] }], fallbacks: [] },
        large: { targets: [{ upstream: 'cloud', place: ['models', 'large'] }], fallbacks: [] },
        7: { targets: [{ upstream: 'builtin:extract', place: ['models', '7'] }], fallbacks: [] },
      },
      aliases: { fast: 'small', faster: 'small' },
      default: 'faster',
    });
  });

  it('needs no default where it has one model, and nothing else', () => {
    expect(readModels('models: {rule: {upstream: builtin:echo}}').read).toMatchObject({
      upstreams: {},
      aliases: {},
      default: 'rule',
    });
  });

  it.each([
    ['a key that is not one', '    timeout_ms: 60000', '    timeout: zzCanary', /^8:5 an unknown key; expected keys/],
    ['an unknown part', 'aliases:', 'alias:', /^13:1 an unknown key; expected keys with values: upstreams, models/],
    ['a key where its file belongs', 'key_file: keys/cloud', 'api_key: zzCanary', /^7:5 an unknown key.*key_file/],
    ['no URL', '    url: https://api.example/v1\n', '', /^5:3 expected an http or https URL/],
    ['another scheme', 'https://api.example/v1', 'ftp://zzCanary.example', /^6:10 expected an http or https URL/],
    ['a URL with credentials', 'https://api', 'https://me:zzCanary@api', /^6:10 .*no credentials/],
    ['a URL with a query', 'example/v1', 'example/v1?key=zzCanary', /^6:10 .*end with its path/],
    ['a bad name of a server', '  cloud:', '  zzCanary!:', /^5:3 expected a name of 1 to 64 small letters/],
    ['a time as text', '60000', 'zzCanary', /^8:17 expected a whole number from 1000 to 3600000/],
    ['too short a time', '60000', '999', /^8:17 expected a whole number/],
    [
      'both a file and a variable [guard: models-file-one-key]',
      '    timeout_ms: 60000',
      '    key_variable: CLOUD_KEY',
      /^8:5 expected either this/,
    ],
    ['a variable of Bulla', 'key_file: keys/cloud', 'key_variable: BULLA_PIN', /^7:19 expected the name of a variable/],
    ['a name of two lines', 'name: llama3.2', 'name: "zzCanary\\n"', /^10:34 expected what the model server calls/],
    [
      'a model called default [guard: models-file-name-default]',
      '  large:',
      '  default:',
      /^11:3 expected a name .* other than default/,
    ],
    [
      'a name for what is built in [guard: models-file-built-in-name]',
      'builtin:extract}',
      'builtin:extract, name: zzCanary}',
      /^12:34 expected no name/,
    ],
    [
      'another built-in',
      'builtin:extract}',
      'builtin:zzCanary}',
      /^12:17 expected .*builtin:extract, builtin:echo, or gguf/,
    ],
    [
      'an alias of nothing [guard: alias-target]',
      'fast: small',
      'fast: zzCanary',
      /^14:9 expected a name that stands under models/,
    ],
    ['a list', 'aliases:\n  fast: small\n  faster: fast', 'aliases: [zzCanary]', /^13:10 expected further names/],
    ['a text', 'aliases:\n  fast: small\n  faster: fast', 'aliases: zzCanary', /^13:10 expected further names/],
    [
      'an unknown default [guard: models-file-default]',
      'default: faster',
      'default: zzCanary',
      /^16:10 expected a name that stands under/,
    ],
    ['no default of several', 'default: faster\n', '', /^2:1 expected a name that stands under models.*left out/],
    ['a key twice', 'fast: small\n', 'fast: small\n  fast: large\n', /^15:3 this key stands twice/],
    ['a tab', '  fast: small', '\tfast: small', /^14:1 a tab indents this line/],
    ['a bracket that is open', '{upstream: cloud}', '{upstream: cloud', /^\d+:\d+ this is not YAML/],
    [
      'an alias of YAML [guard: models-file-yaml-alias]',
      'small: {upstream: local, name: llama3.2}\n  large: {upstream: cloud}',
      'small: &zzCanary {upstream: local}\n  large: *zzCanary',
      /^11:10 expected a value and no alias of YAML/,
    ],
    ['two documents', 'default: faster\n', 'default: faster\n---\na: zzCanary\n', /^17:1 a second document/],
    ['a key that is no text', 'fast: small', '[zzCanary]: small', /^14:3 expected another key/],
    ['a name that is no name [guard: models-file-key]', '  large:', '  __proto__:', /^11:3 expected another key/],
  ])('with %s is refused by line, column and what was expected, without a word of it', (_name, from, to, expected) => {
    const mistakes = changed(from, to);
    expect(mistakes[0]).toMatch(expected);
    expect(mistakes.join('\n')).not.toContain('zzCanary');
  });

  it('with a model at a server that it does not have is refused [guard: models-file-upstream]', () => {
    expect(changed('{upstream: cloud}', '{upstream: zzCanary}')).toEqual([
      '11:21 expected the name of one of upstreams, builtin:extract, builtin:echo, or gguf:<path>',
    ]);
  });

  it('with an alias that leads back to itself is refused, however long the way [guard: alias-circle]', () => {
    const what = 'this alias leads back to itself; expected a model';
    expect(changed('fast: small', 'fast: fast')).toEqual([`14:9 ${what}`, `15:11 ${what}`]);
    expect(changed('fast: small', 'fast: faster')).toEqual([`14:9 ${what}`, `15:11 ${what}`]);
  });

  it('with a name under models and aliases is refused [guard: models-file-name-twice]', () => {
    expect(changed('  fast: small', '  large: small')[0]).toBe(
      '14:3 this name stands under models too; expected it once',
    );
  });

  it('with several mistakes names them all', () => {
    expect(said('upstreams: {a: {}}\nmodels: {m: {upstream: 7}}\nmore: 1\n')).toHaveLength(3);
  });

  it.each(['', '# nothing\n', '[]', 'text', 'models:', 'models: {}'])('that says nothing (%j) is refused', (text) => {
    const [first] = said(text);
    expect(first).toMatch(/^[12]:\d+ expected/);
  });

  it('without a model is refused [guard: models-file-empty]', () => {
    expect(said('upstreams: {}\nmodels: {}\n')).toEqual([
      expect.stringMatching(/^2:9 expected the names that prompts/),
    ]);
  });
});
