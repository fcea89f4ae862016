import { describe, expect, it } from '@jest/globals';
import { changed } from '../../../test/models-yaml.js';
import { readModels } from './models-file.js';

describe('targets of a file of models', () => {
  it('says targets, fallbacks, what they can do and what they cost', () => {
    const { read, mistakes } = readModels(`currency: EUR
upstreams:
  a: {url: "https://a.example/v1", concurrent: 8}
  b: {kind: anthropic, url: "https://b.example/v1", api_version: 2023-06-01, thinking_budget: 4096}
  c: {kind: azure, url: "https://c.example", api_version: 2024-10-21}
models:
  large:
    targets:
      - {upstream: a, name: one, weight: 3, can: [chat, tools], price: {input: 0.4, output: 1.6}}
      - {upstream: c}
    fallbacks:
      - {upstream: b, name: other}
`);
    expect(mistakes).toEqual([]);
    expect(read).toMatchObject({
      currency: 'EUR',
      upstreams: { a: { concurrent: 8 }, b: { kind: 'anthropic' }, c: { kind: 'azure', api_version: '2024-10-21' } },
      models: {
        large: {
          targets: [
            { upstream: 'a', name: 'one', weight: 3, can: ['chat', 'tools'], price: { input: 0.4, output: 1.6 } },
            { upstream: 'c' },
          ],
          fallbacks: [{ upstream: 'b', name: 'other' }],
        },
      },
    });
  });

  it.each([
    [
      'a model without a server [guard: models-file-one-form]',
      '{upstream: cloud}',
      '{}',
      /^11:10 expected keys with values.*either upstream or targets is there always/,
    ],
    ['a list of no servers', '{upstream: cloud}', '{targets: []}', /^11:20 expected a list of 1 to 16/],
    [
      'a server beside servers',
      'upstream: cloud}',
      'upstream: cloud, targets: [{upstream: local}]}',
      /^11:10 .*either/,
    ],
    [
      'a price beside servers [guard: models-file-own-target]',
      '{upstream: cloud}',
      '{targets: [{upstream: cloud}], price: {input: 1, output: 1}}',
      /^11:41 expected this in each of targets/,
    ],
    [
      'a server of a list that is not one',
      '{upstream: cloud}',
      '{targets: [{upstream: zzCanary}]}',
      /^11:32 expected the name of/,
    ],
    [
      'a fallback that is not one',
      'upstream: cloud}',
      'upstream: cloud, fallbacks: [{upstream: zzCanary}]}',
      /^11:51 expected the name of/,
    ],
    [
      'a weight of nothing',
      '{upstream: cloud}',
      '{targets: [{upstream: cloud, weight: 0}]}',
      /^11:47 expected a whole number from 1 to 1000/,
    ],
    [
      'a weight of a fallback',
      'upstream: cloud}',
      'upstream: cloud, fallbacks: [{upstream: local, weight: 2}]}',
      /^11:58 an unknown key/,
    ],
    [
      'an ability that is none',
      'upstream: cloud}',
      'upstream: cloud, can: [zzCanary]}',
      /^11:34 expected some of chat, embeddings, tools/,
    ],
    [
      'tools without a chat [guard: models-file-can]',
      'upstream: cloud}',
      'upstream: cloud, can: [tools]}',
      /^11:33 expected some of .*chat is there beside/,
    ],
    [
      'an ability twice',
      'upstream: cloud}',
      'upstream: cloud, can: [chat, chat]}',
      /^11:33 expected some of .*each once/,
    ],
    ['half a price', 'upstream: cloud}', 'upstream: cloud, price: {input: 1}}', /^11:28 expected a number from 0/],
    [
      'a price below nothing',
      'upstream: cloud}',
      'upstream: cloud, price: {input: -1, output: 1}}',
      /^11:43 expected a number from 0/,
    ],
    [
      'a price of many decimals',
      'upstream: cloud}',
      'upstream: cloud, price: {input: 1e-7, output: 1}}',
      /^11:43 expected a number from 0/,
    ],
    [
      'a price as text',
      'upstream: cloud}',
      'upstream: cloud, price: {input: zzCanary, output: 1}}',
      /^11:43 expected a number from 0/,
    ],
    [
      'a price without a currency [guard: models-file-currency]',
      'upstream: cloud}',
      'upstream: cloud, price: {input: 1, output: 1}}',
      /^11:28 expected currency beside models/,
    ],
    [
      'a currency that is none',
      'default: faster',
      'currency: zz\ndefault: faster',
      /^16:11 expected what prices are in/,
    ],
    [
      'another kind of server',
      'url: https://api',
      'kind: zzCanary\n    url: https://api',
      /^6:11 expected one of openai, anthropic, azure/,
    ],
    [
      'no room for a run',
      '    timeout_ms: 60000',
      '    concurrent: 0',
      /^8:17 expected a whole number from 1 to 100000/,
    ],
    [
      'a version of azure at another server [guard: models-file-api-version]',
      '    timeout_ms: 60000',
      '    api_version: 2024-10-21',
      /^8:18 expected with kind: azure a version/,
    ],
    [
      'azure without a version',
      'url: https://api',
      'kind: azure\n    url: https://api',
      /^5:3 expected with kind: azure a version/,
    ],
    [
      'another version of the Messages API',
      'url: https://api.example/v1',
      'kind: anthropic\n    url: https://api.example/v1\n    api_version: zz-canary',
      /^8:18 expected with kind.*2026-10-21 or 2023-06-01/,
    ],
    [
      'a budget for thinking elsewhere [guard: models-file-thinking]',
      '    timeout_ms: 60000',
      '    thinking_budget: 2048',
      /^8:22 expected with kind: anthropic, a whole number of tokens from 1024/,
    ],
  ])('with %s are refused by line, column and what was expected, without a word of it', (_name, from, to, expected) => {
    const mistakes = changed(from, to);
    expect(mistakes[0]).toMatch(expected);
    expect(mistakes.join('\n')).not.toContain('zzCanary');
  });
});
