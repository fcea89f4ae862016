import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { EventLog } from '@bulla/service-kit';
import type { FakeOpenai } from '@bulla/testkit';
import { folderForTest, startFakeAnthropic, startFakeOpenai } from '@bulla/testkit';
import * as z from 'zod';
import { ask, storePrompt } from '../../test/asking.js';
import type { Asked, OpenedReply } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';
import { modelSettings } from './model-settings.js';
import { openModels } from './open-models.js';

/** What can be asked of the Messages API. */
const THINKER = ['chat', 'tools', 'images', 'files', 'json_schema', 'reasoning'];
const KEYS = { local: 'sk-zzLocalKey', cloud: 'sk-zzCloudKey' };
const [local, cloud, claude] = [await startFakeOpenai(), await startFakeOpenai(), await startFakeAnthropic()];
const folder = folderForTest('models');
writeFileSync(join(folder, 'local.key'), `${KEYS.local}\n`);
const path = join(folder, 'models.yaml');
writeFileSync(
  path,
  `upstreams:
  local: {url: "${local.url}", key_file: local.key}
  cloud: {url: "${cloud.url}", key_variable: CLOUD_KEY, timeout_ms: 1000}
  claude: {kind: anthropic, url: "${claude.url}", key_variable: CLOUD_KEY}
models:
  small: {upstream: local, name: llama3.2}
  gpt-large: {upstream: cloud, can: [chat, tools], price: {input: 2, output: 8.5}}
  safe:
    targets: [{upstream: cloud, name: one}]
    fallbacks: [{upstream: local, name: other}]
  thinker: {upstream: claude, name: claude-x}
  echo: {upstream: builtin:echo}
aliases: {fast: small}
default: fast
currency: EUR
`,
);

const lines: string[] = [];
const all = suite({
  models: () => openModels(z.object(modelSettings).parse({ BULLA_MODELS_FILE: path }), { CLOUD_KEY: KEYS.cloud }),
  log: new EventLog({ service: 'responder', level: 'debug', stream: { write: (line) => void lines.push(line) } }),
});
afterAll(() => Promise.all([local.stop(), cloud.stop(), claude.stop()]));
afterEach(() => {
  for (const upstream of [local, cloud]) {
    upstream.follow({});
    upstream.requests.length = 0;
  }
});

async function askFor(name: string): Promise<Asked> {
  const content = { ...(await storePrompt(all.organisation, { text: { model: { name } } })) };
  return ask(all.organisation, content);
}

const run = async (name: string): Promise<OpenedReply> => all.run(await askFor(name));
const asked = ({ requests }: FakeOpenai) =>
  requests.map((request) => [(request.json() as { model: string }).model, request.headers.authorization]);

/** What the log says of a run. */
const saidOf = ({ question }: Asked) =>
  lines.map((line) => JSON.parse(line) as { jti?: string }).filter(({ jti }) => jti === question.jti);

describe('a responder with a file of models', () => {
  it.each([
    ['small', [['llama3.2', `Bearer ${KEYS.local}`]], []],
    ['fast', [['llama3.2', `Bearer ${KEYS.local}`]], []],
    ['default', [['llama3.2', `Bearer ${KEYS.local}`]], []],
    ['gpt-large', [], [['gpt-large', `Bearer ${KEYS.cloud}`]]],
    ['echo', [], []],
  ])('asks for %s where it belongs, with the key of that server alone', async (name, atLocal, atCloud) => {
    const { fin } = await run(name);
    expect(fin.finish).toBe('stop');
    expect([asked(local), asked(cloud)]).toEqual([atLocal, atCloud]);
  });

  it('ends a run for a name that is not in it as model_not_allowed, sealed, and asks nobody', async () => {
    for (const name of ['llama3.2', 'zzUnknown']) {
      const question = await askFor(name);
      expect(await refusalOf(all, question, await all.send(question))).toEqual({
        code: 'model_not_allowed',
        sealed: true,
      });
    }
    expect([asked(local), asked(cloud)]).toEqual([[], []]);
    expect(lines.join('')).not.toContain('zzUnknown');
  });

  it('blames the server that failed, and no log and no reply has a key', async () => {
    cloud.follow({ replies: { status: 401 } });
    local.follow({ replies: { status: 500, body: KEYS.local } });
    const [one, other] = [await run('gpt-large'), await run('small')];
    expect(one.fin.err).toMatchObject({ code: 'upstream_auth', host: new URL(cloud.url).host });
    expect(other.fin.err).toMatchObject({ code: 'upstream_unavailable', host: new URL(local.url).host });
    const said = lines.join('');
    expect(said).toContain('"event":"run-failed"');
    for (const text of [said, JSON.stringify([one, other])]) expect(text).not.toMatch(/zzLocalKey|zzCloudKey/);
  });

  it('has a fallback answer where a server fails, and says in its log who was tried, without content', async () => {
    cloud.follow({ replies: { status: 503, body: KEYS.cloud } });
    local.follow({ replies: { tokens: ['fine'], model: 'the-fallback' } });
    const question = await askFor('safe');
    const { text, fin } = await all.run(question);
    expect([text, fin.finish, fin.model]).toEqual(['fine', 'stop', 'the-fallback']);
    expect(saidOf(question)).toMatchObject([
      { event: 'run-begun' },
      { event: 'run-finished', upstream: 'local', tried: 'cloud/http_status/503 local' },
    ]);
  });

  it('has a server of the Messages API answer, sealed and signed like all others', async () => {
    claude.follow({ replies: { tokens: ['it ', 'is'], model: 'claude-x-1' } });
    const { text, fin } = await run('thinker');
    expect([text, fin.finish, fin.model]).toEqual(['it is', 'stop', 'claude-x-1']);
    expect(fin.usage).toEqual({ prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 });
    expect(claude.requests.at(-1)?.headers['x-api-key']).toBe(KEYS.cloud);
  });

  it('waits for a server no longer than the file says', async () => {
    cloud.follow({ replies: { delayBeforeHeadersMs: Infinity } });
    expect((await run('gpt-large')).fin.err).toMatchObject({ code: 'upstream_timeout', cause: 'too_slow' });
  });

  it('lists the names that prompts may say, and neither hosts nor keys', async () => {
    const response = await all.responder.client(all.organisation.invoker).get('/api/v1/models');
    const echo = { upstream: 'builtin:echo', can: ['chat', 'sampling'] };
    const large = { upstream: 'cloud', can: ['chat', 'tools'], price: { input: '2', output: '8.5' } };
    const only = (target: object) => ({ targets: [target], fallbacks: [] });
    expect(response.body).toEqual({
      data: [
        { name: 'small', default: false, ...only({ upstream: 'local' }) },
        { name: 'gpt-large', default: false, ...only(large) },
        { name: 'safe', default: false, targets: [{ upstream: 'cloud' }], fallbacks: [{ upstream: 'local' }] },
        { name: 'thinker', default: false, ...only({ upstream: 'claude', can: THINKER }) },
        { name: 'echo', default: false, ...only(echo) },
        { name: 'fast', default: true, alias_of: 'small', ...only({ upstream: 'local' }) },
      ],
      others: false,
      currency: 'EUR',
    });
    expect(response.text).not.toMatch(/127\.0\.0\.1|zz/);
  });
});
