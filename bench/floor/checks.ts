import { randomUUID } from 'node:crypto';
import { checkBundleForAsker, mintId, parseBundle } from '@bulla/crypto';
import { ask } from '../../services/responder/test/asking.js';
import { call } from '../../test/faults/signed-requests.js';
import type { Ground } from '../requests.js';
import { runOnce, type ServiceName } from '../world.js';

/** A question of so long ago is not claimed in one statement, and no other is recorded. */
const LATE_SECONDS = 600;

/**
 * Asks so often, and reads what is answered as an asker must: bundles with the signature of their envelope and all that
 * it names, replies to their signed end.
 * @throws {Error} where one is not well-formed
 */
export async function answersWell(name: ServiceName, url: string, ground: Ground, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await (name === 'vault' ? askForBundle(url, ground) : runOnce(url, ground));
}

/** @returns the status of a request for which a service asks its database what nobody has recorded */
export async function askWhatIsNotRecorded(name: ServiceName, url: string, ground: Ground): Promise<number> {
  const { organisation, prompt, tags } = ground;
  const asker = askerOf(ground);
  if (name === 'vault') return (await call(url, asker, 'GET', `/api/v1/envelopes/${mintId('env')}`)).status;
  const now = Math.floor(Date.now() / 1000);
  const asked = await ask(organisation, prompt, {
    asker,
    now: now - LATE_SECONDS,
    envelope: { cnf: { jkt: asker.sig.kid } },
    bundle: { tags: [...tags] },
  });
  return (await call(url, asker, 'POST', '/api/v1/invocations', { body: asked.body })).status;
}

async function askForBundle(url: string, ground: Ground): Promise<void> {
  const { organisation, prompt } = ground;
  const asker = askerOf(ground);
  const audience = organisation.responders[0].urn;
  const request = randomUUID();
  const wanted = { prompt: prompt.id, label: 'latest', aud: audience };
  const options = { body: wanted, idempotencyKey: request };
  const { status, body } = await call(url, asker, 'POST', '/api/v1/envelopes', options);
  if (status !== 201) throw new Error(`the vault issued no envelope: ${status}`);
  await checkBundleForAsker(parseBundle(body), {
    trust: organisation.trust,
    now: Math.floor(Date.now() / 1000),
    asker: { urn: asker.urn, kid: asker.sig.kid },
    audience,
    request,
    wanted: { name: prompt.name, label: 'latest' },
  });
}

function askerOf({ askers }: Ground) {
  const [asker] = askers;
  if (asker === undefined) throw new Error('nobody asks');
  return asker;
}
