import { Bulla } from '@bulla/client';
import { FileTrustStore, Home, IDENTITY, writeProfile } from '@bulla/client/node';
import type { Bundle } from '@bulla/crypto';
import { parseEnvelope, tokenHash } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { World } from '../../packages/cli/test/world.js';
import { identityOf } from '../../packages/client/src/connection/identity.js';
import { ask } from '../../services/responder/test/asking.js';
import type { HonestResponder, Outcome } from './honest-responder.js';
import { startHonestResponder } from './honest-responder.js';
import { HostileVault, LABEL, NAME } from './hostile-vault.js';
import type { Lie } from './lie.js';
import { LIES_ABOUT_PROMPTS, LIES_ABOUT_TRUST } from './lies.js';
import { LIES_OVER_A_GAP } from './lies-over-a-gap.js';

const SECRET = 'canary-91c3: the claim that nobody may see';
/** Nobody answers there: a client that sends a question there has been fooled. */
const NOWHERE = 'http://127.0.0.1:9';
const VERIFICATION_FAILED = 10;

describe('a client', () => {
  let vault: HostileVault;
  let cli: World;
  let bulla: Bulla;

  /** A vault that is about to lie, and a machine whose owner has run the prompt before. */
  async function prepare({ toNewcomer }: Pick<Lie, 'toNewcomer'>): Promise<void> {
    const organisation = await makeOrganisation();
    const { pin, owner } = organisation;
    vault = await HostileVault.start(organisation, NOWHERE);
    cli = await World.make();
    const home = new Home(cli.path('home'));
    await writeProfile(home, { vaultUrl: vault.service.url, org: 'acme', pin });
    await home.writeSecret(IDENTITY, JSON.stringify(owner.keyFile));
    const identity = await identityOf(owner.keyFile);
    bulla = Bulla.offline({ url: vault.service.url, identity, pin, store: new FileTrustStore(home), retries: 0 });
    vault.shown = async () => {
      await bulla.refreshTrust();
      await bulla.prompts.read(NAME, { label: LABEL });
    };
    if (toNewcomer !== true) await vault.shown();
  }
  afterEach(async () => {
    await vault.service.stop();
    await cli.remove();
  });

  it.each([...LIES_ABOUT_TRUST, ...LIES_OVER_A_GAP, ...LIES_ABOUT_PROMPTS])('is not fooled by $name', async (lie) => {
    await prepare(lie);
    await lie.tell(vault);
    const { code, check } = lie.client;
    await expect(bulla.refreshTrust().then(() => bulla.prompt(NAME).run({ claim: SECRET }))).rejects.toMatchObject({
      code,
      origin: 'client',
      ...(check !== undefined && { check }),
    });
    const ended = await cli.bulla(['run', NAME, '--var', 'claim=-'], { stdin: SECRET });
    expect(ended).toMatchObject({
      code: VERIFICATION_FAILED,
      stdout: '',
      stderr: expect.stringContaining(check === undefined ? `(${code}` : `(${code}, check ${check})`),
    });
    expect(vault.service.received).not.toContain('canary-91c3');
  });

  it('in two homes is not moved to a branch by its vault, nor back from one', async () => {
    await prepare({});
    const { organisation } = vault;
    const { owner, invoker, pin } = organisation;
    const connect = async (member: TestOrganisation['owner'], name: string) => {
      const identity = await identityOf(member.keyFile);
      const store = new FileTrustStore(new Home(cli.path(name)));
      return Bulla.offline({ url: vault.service.url, identity, pin, store, retries: 0 });
    };
    const [here, away] = [await connect(owner, 'here'), await connect(invoker, 'away')];
    await away.refreshTrust();
    // The one is shown the removal from a group; the other comes back when the vault shows the branch alone.
    vault.shown = () => here.refreshTrust();
    const [lie] = LIES_OVER_A_GAP;
    await lie?.tell(vault);
    await expect(here.refreshTrust()).rejects.toMatchObject(lie?.client ?? {});
    await expect(away.refreshTrust()).resolves.toMatchObject({ directory: { version: 5 } });
    for (let count = 0; count < 4; count++) await organisation.publish();
    vault.serve({});
    vault.hashes = (from) => organisation.hashes.hashes.slice(from - 1);
    await expect(here.refreshTrust()).resolves.toMatchObject({ directory: { version: 7 } });
    await expect(away.refreshTrust()).rejects.toMatchObject(lie?.client ?? {});
  });

  it('would be answered by an honest vault', async () => {
    await prepare({});
    // The one thing that is missing is a responder.
    await expect(bulla.prompt(NAME).run({ claim: SECRET })).rejects.toMatchObject({ code: 'transport_failed' });
  });
});

describe('a responder', () => {
  let organisation: TestOrganisation;
  let responder: HonestResponder;
  let vault: HostileVault;
  beforeAll(async () => {
    organisation = await makeOrganisation();
    responder = await startHonestResponder(organisation);
  });
  afterEach(() => vault.service.stop());
  afterAll(() => responder.stop());

  /** Asks with whatever a vault gave, as somebody does who looks at nothing. */
  async function askBlindly(bundle: Bundle): Promise<Outcome> {
    const { claims } = parseEnvelope(bundle.env);
    const version = vault.versionOf(NAME);
    const prompt = { ...vault.named(NAME), ...version, sub: '', ver: 1, grant: '', whash: version.chash };
    const asked = await ask(organisation, prompt, {
      asker: organisation.owner,
      bundle,
      ...(claims.purpose === 'prompt.invoke' && { envelope: claims }),
      question: { env: { jti: claims.jti, hash: await tokenHash(bundle.env) } },
    });
    return responder.send(asked, organisation.owner);
  }

  it.each(LIES_ABOUT_PROMPTS.filter((lie) => lie.responder !== undefined))(
    'is not fooled by $name, though nobody else looks',
    async (lie) => {
      vault = await HostileVault.start(organisation, NOWHERE);
      vault.spend = askBlindly;
      await lie.tell(vault);
      expect(await askBlindly(await vault.bundleFor(organisation.owner))).toEqual(lie.responder);
    },
  );

  it('answers what an honest vault gave', async () => {
    vault = await HostileVault.start(organisation, NOWHERE);
    expect(await askBlindly(await vault.bundleFor(organisation.owner))).toEqual({ code: 'stop', sealed: true });
  });
});
