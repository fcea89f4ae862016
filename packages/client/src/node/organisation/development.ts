import type { SuiteId } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { DAY, YEAR } from './life.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { prepareOrganisation } from './organisation.js';
import type { OrganisationPlan } from './organisation-documents.js';

/** The development organisation: one person, every key in one folder. Clients refuse it off this machine. */
export const DEVELOPMENT_ORG = 'dev';

/**
 * Keys sign for two years here; what they signed or can open stays good for twelve (protocol.md §4). To encryption keys
 * things are sealed for as long: a grant would have to be wrapped anew before its key may be left behind.
 */
const KEY_LIFE = {
  sig: { use: 2 * YEAR, end: 12 * YEAR },
  enc: { use: 12 * YEAR, end: 12 * YEAR },
} as const;

/** How the development organisation lives. `suite` is that of the keys of services and device. */
export function developmentPlan(suite: SuiteId = 'rsa2048'): OrganisationPlan {
  return {
    org: DEVELOPMENT_ORG,
    profile: 'development',
    responder: 'local',
    suite,
    life: { root: YEAR, policy: YEAR, directory: 90 * DAY },
    keyLife: { vault: KEY_LIFE, responder: KEY_LIFE, device: KEY_LIFE, renewer: KEY_LIFE },
  };
}

export interface DevelopmentOptions extends OrganisationOptions {
  readonly vaultUrl: string;
  readonly responderUrl: string;
  readonly suite?: SuiteId;
}

/** Makes, finishes or renews the development organisation. @throws {HomeError} as prepareOrganisation */
export function prepareDevelopment(home: Home, options: DevelopmentOptions): Promise<OwnOrganisation> {
  return prepareOrganisation(home, developmentPlan(options.suite), options);
}
