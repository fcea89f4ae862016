import type { SuiteId } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { DAY, YEAR } from './life.js';
import type { OrganisationOptions, OwnOrganisation } from './organisation.js';
import { prepareOrganisation } from './organisation.js';
import type { OrganisationPlan } from './organisation-documents.js';

/**
 * Times of protocol.md §4: a directory and the keys of services and of the renewer last 90 days, those of devices a
 * year. What is encrypted to stays so for twelve years, as in development: grants cannot be wrapped anew yet, and a
 * key that ran out before them would close every prompt (docs/decisions/2026-11-25-first-production-organisation.md).
 */
const ENC = { use: 12 * YEAR, end: 12 * YEAR } as const;
const SERVICE = { sig: { use: 90 * DAY, end: 12 * YEAR }, enc: ENC } as const;
const DEVICE = { sig: { use: YEAR, end: 12 * YEAR }, enc: ENC } as const;

/** How an organisation of profile `production` begins: with one owner, whose folder holds every key at first. */
export function productionPlan(
  org: string,
  suite: SuiteId = 'rsa2048',
  owners?: OrganisationPlan['owners'],
): OrganisationPlan {
  return {
    org,
    profile: 'production',
    responder: 'main',
    suite,
    life: { root: YEAR, policy: YEAR, directory: 90 * DAY },
    keyLife: { vault: SERVICE, responder: SERVICE, device: DEVICE, renewer: SERVICE },
    owners,
  };
}

export interface ProductionOptions extends OrganisationOptions {
  readonly org: string;
  readonly suite?: SuiteId | undefined;
  /** How many people have a key of root and policy each, and how many must sign; one unless given. */
  readonly owners?: OrganisationPlan['owners'];
}

/** Makes, finishes or renews an organisation of profile `production`. @throws {HomeError} as prepareOrganisation */
export function prepareProduction(home: Home, options: ProductionOptions): Promise<OwnOrganisation> {
  return prepareOrganisation(home, productionPlan(options.org, options.suite, options.owners), options);
}
