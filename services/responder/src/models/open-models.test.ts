import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { SettingsError } from '@bulla/service-kit';
import { folderForTest, startFakeOpenai } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import type { ModelRegistry } from './model-registry.js';
import { isLlamaInstalled } from './gguf/llama.js';
import { modelSettings } from './model-settings.js';
import { openModels } from './open-models.js';

const folder = folderForTest('models');
const settings = z.object(modelSettings);
const open = (values: Record<string, string>, environment: Record<string, string> = {}) =>
  openModels(settings.parse(values), environment);

function fileOf(text: string, name = 'models.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The lines that a start ends with; none where it goes on. */
async function refusal(opening: Promise<ModelRegistry>): Promise<readonly string[]> {
  const error = await opening.catch((reason: unknown) => reason);
  return error instanceof SettingsError ? error.lines : [];
}

const namesOf = (models: ModelRegistry) => models.list().map(({ name }) => name);

describe('the models of BULLA_LLM', () => {
  it.each([
    ['nothing', {}, 'builtin:extract', 'builtin:extract', false],
    ['builtin:extract', { BULLA_LLM: 'builtin:extract' }, 'builtin:extract', 'builtin:extract', false],
    ['builtin:echo', { BULLA_LLM: 'builtin:echo' }, 'builtin:echo', 'builtin:echo', false],
    ['a model server', { BULLA_LLM: 'openai:http://127.0.0.1:1/v1' }, 'default', 'openai', true],
    ['a model of it', { BULLA_LLM: 'openai:http://127.0.0.1:1/v1', BULLA_LLM_MODEL: 'm' }, 'm', 'openai', true],
  ])('are one, by %s', async (_name, values, name, kind, others) => {
    const models = await open(values);
    expect(models.list()).toMatchObject([{ name, isDefault: true, targets: [{ upstream: kind }], fallbacks: [] }]);
    expect([models.own.name, models.all.length, models.takesOthers]).toEqual([kind, 1, others]);
    await models.close();
  });

  it('ask a model server for the name in the prompt, or for the one that is set', async () => {
    const server = await startFakeOpenai();
    const models = await open({ BULLA_LLM: `openai:${server.url}`, BULLA_LLM_MODEL: 'set' });
    for (const model of [undefined, 'default', 'set', 'another']) {
      const call = models.callFor({ model, messages: [{ role: 'user', content: 'hello' }], requestId: 'inv_1' });
      for await (const _ of call.stream(new AbortController().signal));
    }
    const asked = server.requests.map((request) => (request.json() as { model: string }).model);
    expect(asked).toEqual(['set', 'set', 'set', 'another']);
    await models.close();
    await server.stop();
  });
});

const LOCAL = 'upstreams: {local: {url: "http://127.0.0.1:1/v1"}}\nmodels: {m: {upstream: local}}\n';
/** With a key, said in this way. */
const withKey = (said: string) => LOCAL.replace('/v1"', () => `/v1", ${said}`);

describe('the models of BULLA_MODELS_FILE', () => {
  it('are those of the file', async () => {
    const models = await open({ BULLA_MODELS_FILE: fileOf(`${LOCAL}aliases: {fast: m}\n`) });
    expect(namesOf(models)).toEqual(['m', 'fast']);
    expect(models.all.map(({ host }) => host)).toEqual(['127.0.0.1:1']);
    await models.close();
  });

  it.each([
    ['BULLA_LLM', 'builtin:echo'],
    ['BULLA_LLM_MODEL', 'm'],
    ['BULLA_LLM_API_KEY', 'zzCanary'],
  ])('are refused beside %s [guard: models-file-alone]', async (name, value) => {
    expect(await refusal(open({ BULLA_MODELS_FILE: fileOf(LOCAL), [name]: value }))).toEqual([
      `${name}: both it and BULLA_MODELS_FILE are set; expected one of them`,
    ]);
  });

  it('are refused where the file cannot be read, or has mistakes, by file, line and column', async () => {
    const none = join(folder, 'none.yaml');
    expect(await refusal(open({ BULLA_MODELS_FILE: none }))).toEqual([
      `BULLA_MODELS_FILE: ${none} cannot be read, or is too long`,
    ]);
    const path = fileOf(LOCAL.replace('local}', 'cloud}').replace('url:', 'uri:'), 'wrong.yaml');
    const lines = await refusal(open({ BULLA_MODELS_FILE: path }));
    expect(lines.map((line) => line.split(': ', 2).join(': '))).toEqual([
      `BULLA_MODELS_FILE: ${path}:1:13`,
      `BULLA_MODELS_FILE: ${path}:1:21`,
    ]);
  });

  it('take the key of a server from a file beside it or from a variable, and show it to nobody', async () => {
    writeFileSync(join(folder, 'local.key'), 'zzCanary\n');
    const path = fileOf(withKey('key_file: local.key'));
    const variable = fileOf(withKey('key_variable: LOCAL_KEY'), 'variable.yaml');
    for (const opening of [
      open({ BULLA_MODELS_FILE: path }),
      open({ BULLA_MODELS_FILE: variable }, { LOCAL_KEY: 'zzCanary' }),
    ]) {
      const models = await opening;
      expect(inspect(models, { depth: 9, showHidden: true }) + JSON.stringify(models)).not.toContain('zzCanary');
      await models.close();
    }
  });

  const TEXT = 'expected what is named to hold a key of visible ASCII characters without spaces';
  it.each([
    ['key_file: nothing.key', '1:61', 'expected the path of a file that can be read'],
    ['key_file: bad.key', '1:61', TEXT],
    ['key_variable: NOTHING', '1:65', 'expected a variable that is set'],
    ['key_variable: EMPTY', '1:65', 'expected a variable that is set'],
    ['key_variable: BAD', '1:65', TEXT],
  ])('are refused with a key that is not there or none (%s), and do not repeat it', async (said, place, what) => {
    writeFileSync(join(folder, 'bad.key'), 'zzCanary with words');
    const path = fileOf(withKey(said));
    const environment = { EMPTY: '', BAD: 'zzCanary\nX-Header: 1' };
    expect(await refusal(open({ BULLA_MODELS_FILE: path }, environment))).toEqual([
      `BULLA_MODELS_FILE: ${path}:${place}: ${what}`,
    ]);
  });

  it('are refused with a key that could not be sent [guard: models-key-text]', async () => {
    const path = fileOf(withKey('key_variable: BAD'));
    expect(await refusal(open({ BULLA_MODELS_FILE: path }, { BAD: 'zzCanary with words' }))).toHaveLength(1);
  });

  it('ask a deployment of Azure by its path, its version and its own header for a key', async () => {
    const server = await startFakeOpenai();
    const url = server.url.replace('/v1', '');
    const file = `upstreams: {a: {kind: azure, url: "${url}", api_version: 2024-10-21, key_variable: K}}
models: {m: {upstream: a, name: "gpt 4/1"}}
`;
    const models = await open({ BULLA_MODELS_FILE: fileOf(file, 'azure.yaml') }, { K: 'zzAzureKey' });
    const call = models.callFor({ messages: [{ role: 'user', content: 'hello' }], requestId: 'inv_1' });
    for await (const _ of call.stream(new AbortController().signal));
    const [request] = server.requests;
    expect(request?.path).toBe('/openai/deployments/gpt%204%2F1/chat/completions?api-version=2024-10-21');
    expect(request?.headers).toMatchObject({ 'api-key': 'zzAzureKey' });
    expect(request?.headers).not.toHaveProperty('authorization');
    await models.close();
    await server.stop();
  });

  it('are refused with a file of a model that is not there, at its place [guard: gguf-setting]', async () => {
    const what = isLlamaInstalled()
      ? 'expected behind gguf: the path of a model in the format GGUF'
      : 'gguf: needs `npm run build:gguf` on this machine first';
    const path = fileOf('models: {m: {upstream: "gguf:none.gguf"}}\n', 'gguf.yaml');
    expect(await refusal(open({ BULLA_MODELS_FILE: path }))).toEqual([`BULLA_MODELS_FILE: ${path}:1:24: ${what}`]);
    expect(await refusal(open({ BULLA_LLM: 'gguf:/none.gguf' }))).toEqual([`BULLA_LLM: ${what}`]);
  });
});
