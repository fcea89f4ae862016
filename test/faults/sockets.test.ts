import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RawClient } from '../../packages/service-kit/test/raw-client.js';
import { until } from './fault-watch.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import type { ServiceProcess } from './service-process.js';
import { call, rawOf, signedMessage } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// Bounded loads on services in processes of their own: how many others were answered, how many bytes were kept.

const databases = await Promise.all([databaseForTest(), databaseForTest()]);
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withServer = vaultUrl === '' ? describe.skip : describe;
const DOCUMENT = '/api/openapi.json';
const OTHERS = 10;
/** A client comes again when it is told to. */
const TRIES = 5;
let vault: VaultWorld;
let responder: ResponderWorld;
const clients: RawClient[] = [];

const connectTo = async ({ port }: ServiceProcess, count: number): Promise<RawClient[]> => {
  const opened = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  clients.push(...opened);
  return opened;
};
const metricsOf = async ({ events }: ServiceProcess): Promise<(line: RegExp) => number> => {
  const metricsPort = Number(events('service-ready')[0]?.['metricsPort']);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return (line) =>
    Number(
      text
        .split('\n')
        .find((one) => line.test(one))
        ?.split(' ')
        .at(-1) ?? 0,
    );
};
const ACTIVE = /^bulla_http_requests_active\{/;
const UNSENT = /^bulla_unsent_bytes\{/;
const errorsOf = ({ output }: ServiceProcess) =>
  output()
    .split('\n')
    .filter((line) => line.includes('"level":"error"'));

/** How many of some signed callers are answered. */
async function answeredOthers(): Promise<number> {
  let answered = 0;
  for (let n = 0; n < OTHERS; n++) {
    for (let tries = 0; tries < TRIES; tries++) {
      const { status } = await call(vault.vault.url, vault.organisation.owner, 'GET', '/api/v1/prompts');
      if (status === 200) answered++;
      if (status !== 503) break;
      await pause(1_000);
    }
  }
  return answered;
}

withServer('connections that ask for much and take nothing', () => {
  beforeAll(async () => {
    [vault, responder] = await Promise.all([startVaultWorld(vaultUrl), startResponderWorld(responderUrl)]);
  });
  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.destroy();
  });
  afterAll(async () => {
    await Promise.all([vault.stop(), responder.stop()]);
    for (const database of databases) await database.drop();
  });

  it('are cut where sixty requests come in one piece, and keep nothing', async () => {
    const attackers = await connectTo(vault.vault, 300);
    for (const attacker of attackers) attacker.stopReading();
    await Promise.all(attackers.map((attacker) => attacker.ask(...Array<string>(60).fill(DOCUMENT))));
    expect(await answeredOthers()).toBe(OTHERS);
    await until('all cut', async () => {
      const metric = await metricsOf(vault.vault);
      return metric(/^bulla_overload_total\{why="pipelined"/) === 300 && metric(ACTIVE) === 0;
    });
    expect((await metricsOf(vault.vault))(UNSENT)).toBe(0);
    expect(errorsOf(vault.vault)).toEqual([]);
  });

  it('keep one answer each where they send less ahead, and no place', async () => {
    const size = (await (await fetch(`${vault.vault.url}${DOCUMENT}`)).text()).length;
    const attackers = await connectTo(vault.vault, 60);
    for (const attacker of attackers) attacker.stopReading();
    await Promise.all(attackers.map((attacker) => attacker.ask(...Array<string>(16).fill(DOCUMENT))));
    expect(await answeredOthers()).toBe(OTHERS);
    // What waits now waits for its reader: its place is free.
    await until(
      'no place taken',
      async () => (await metricsOf(vault.vault))(/^bulla_places_taken\{by="stranger"/) === 0,
    );
    const metric = await metricsOf(vault.vault);
    expect(metric(ACTIVE)).toBeLessThanOrEqual(60);
    expect(metric(UNSENT)).toBeLessThanOrEqual(60 * (size + 2_000));
    expect(errorsOf(vault.vault)).toEqual([]);
  });

  it('have no stream made faster than they take it, and others are answered', async () => {
    const long = { tokens: Array<string>(6_000).fill('a'.repeat(1_000)) };
    responder.upstream.follow({ replies: [long, long, long, long, { tokens: ['short'] }] });
    const askers = await connectTo(responder.responder, 4);
    for (const asker of askers) {
      const asked = await responder.question({ question: { opt: { stream: true, privacy: 'padded' } } });
      const message = await signedMessage(
        responder.responder.url,
        responder.organisation.invoker,
        'POST',
        '/api/v1/invocations',
        { body: asked.body },
      );
      await asker.stopReading().write(rawOf(message));
    }
    await until('all asked', () => responder.upstream.completed.length === 4);
    const kept: number[] = [];
    // As long as anything grows it has not come to its end.
    await until('stuck', async () => {
      kept.push((await metricsOf(responder.responder))(UNSENT));
      return kept.length > 4 && kept.slice(-4).every((bytes) => bytes > 0 && bytes === kept.at(-1));
    });
    expect(Math.max(...kept)).toBeLessThan(4 * 250_000);
    expect((await metricsOf(responder.responder))(ACTIVE)).toBe(4);
    const asked = await responder.question();
    expect(await responder.outcome(asked, await responder.send(asked))).toMatchObject({
      kind: 'answer',
      text: 'short',
    });
    expect(errorsOf(responder.responder)).toEqual([]);
  });
});
