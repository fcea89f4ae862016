import { pathSetting } from '../process/setting-values.js';

/** What both services take for TLS: with the first two they speak TLS alone, with the third they trust others. */
export const tlsSettings = {
  BULLA_TLS_CERT_FILE: pathSetting
    .optional()
    .describe('the path of a PEM file: the certificate of the service, then those between it and the authority'),
  BULLA_TLS_KEY_FILE: pathSetting
    .optional()
    .describe('the path of a PEM file with the private key of that certificate, which only its account may read'),
};

/** Authorities that are trusted beside those that Node knows. */
export const caFileSetting = pathSetting.optional().describe('the path of a PEM file with one or more certificates');
