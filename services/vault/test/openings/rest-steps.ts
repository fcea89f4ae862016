import { doChore } from '../managing.js';
import type { TestVault } from '../running-vault.js';
import type { Model } from './model.js';
import type { Outcome } from './step.js';
import { Step } from './step.js';
import type { World } from './world.js';

/** What happens to the vault's keys at rest: whoever opened a version opens it after that, and nobody else does. */

const DAY_SECONDS = 86_400;
/** Longer than the oldest backup lives. */
const REST_SECONDS = 8 * DAY_SECONDS;

/** Vaults whose root key was replaced: the one before does not come back. */
const replaced = new WeakSet<TestVault>();

/** The key of the organisation is replaced: now, or by a job that is left to begin later. */
export class RotateKek extends Step {
  readonly kind = 'rotate kek';

  constructor(private readonly isDoneAtOnce: boolean) {
    super();
  }

  protected async play(_model: Model, world: World): Promise<Outcome> {
    const { status } = await world.client('owner').post('/api/v1/keys/rotations', { what: 'kek' });
    if (this.isDoneAtOnce) await doChore(world.vault.service, 'run-jobs');
    return { isDone: status === 201, may: true };
  }

  toString(): string {
    return `the key of the organisation is to be replaced${this.isDoneAtOnce ? ', and is' : ''}`;
  }
}

/** The vault gets another root key, which it then has as its only one. */
export class RotateRoot extends Step {
  readonly kind = 'rotate root';

  protected async play(_model: Model, world: World): Promise<Outcome> {
    const { service, rootKeyFiles } = world.vault;
    if (replaced.has(world.vault)) return { isDone: false, may: false };
    replaced.add(world.vault);
    rootKeyFiles.placeNext();
    await doChore(service, 'hold-root-keys');
    const body = { what: 'root', to: rootKeyFiles.settings.next };
    const { status } = await world.client('owner').post('/api/v1/keys/rotations', body);
    await doChore(service, 'run-jobs');
    return { isDone: status === 201, may: true };
  }

  toString(): string {
    return 'the root key is replaced';
  }
}

/** Jobs go on, and keys that nothing is under any more are destroyed once the oldest backup is gone. */
export class Rest extends Step {
  readonly kind = 'rest';

  protected async play(_model: Model, { vault }: World): Promise<Outcome> {
    await doChore(vault.service, 'run-jobs');
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(REST_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(-REST_SECONDS);
    const left = await vault.database.db
      .selectFrom('kek_wrap')
      .innerJoin('kek', (join) =>
        join.onRef('kek.org', '=', 'kek_wrap.org').onRef('kek.version', '=', 'kek_wrap.kek_version'),
      )
      .select('kek.version')
      .where('kek.state', '<>', 'active')
      .execute();
    // Jobs that are done leave nothing under a key that was replaced.
    return { isDone: left.length === 0, may: true };
  }

  toString(): string {
    return 'jobs are done, and a week and a day pass';
  }
}
