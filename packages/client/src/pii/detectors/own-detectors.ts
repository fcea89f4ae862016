import type { Detector } from '../finding.js';
import { findCards } from './cards.js';
import { findEmails } from './emails.js';
import { findIbans } from './ibans.js';
import { findIpAddresses } from './ip-addresses.js';
import { findApiKeys, findPrivateKeys, findTokens } from './keys.js';
import { findNationalIds } from './national-ids.js';
import { phoneDetector } from './phones.js';

/** All detectors of ours. @param country of phone numbers without a country code */
export function ownDetectors(country: string | undefined): readonly Detector[] {
  return [
    findEmails,
    findCards,
    findIbans,
    findNationalIds,
    findIpAddresses,
    findPrivateKeys,
    findTokens,
    findApiKeys,
    // At last: nearly any ten digits may be a number somewhere, and what another check knows is that.
    phoneDetector(country),
  ];
}
