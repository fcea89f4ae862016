// Identifiers, hashes and times of a right form, for every example.

export const suffix = '01kb2w6r7hf0fvc1m1x3q8p0z5';
export const prompt = `prm_${suffix}`;
export const envelope = `env_${suffix}`;
export const invocation = `inv_${suffix}`;
export const approval = `apr_${suffix}`;
export const invitation = `ivt_${suffix}`;
export const enrolment = `enr_${suffix}`;
export const usageReport = `usg_${suffix}`;
export const job = `job_${suffix}`;
export const device = `urn:bulla:acme:dev:dev_${suffix}`;
export const responder = 'urn:bulla:acme:svc:responder:eu1';
export const kid = 'K'.repeat(43);
export const hash = 'h_-'.padEnd(43, 'A');
export const time = '2026-11-25T08:00:00.000Z';
export const user = `urn:bulla:acme:user:usr_${suffix}`;
