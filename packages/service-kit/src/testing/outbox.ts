import { newRowSecret } from '@bulla/crypto';
import { AuditOutbox } from '../audit/outbox.js';
import { RowSecrets } from '../audit/row-secrets.js';

/** What lets every row pass, for tests that build parts without a signer. */
export const openGate = { require: () => {}, requireRow: () => {} };

/** What writes rows of the audit log for tests that have no service, and what checks them. */
export function outboxForTest(): { readonly outbox: AuditOutbox; readonly rows: RowSecrets } {
  const rows = RowSecrets.of({ urn: 'urn:bulla:acme:svc:vault', rows: [newRowSecret()] });
  return { outbox: new AuditOutbox({ keys: { rows }, drift: { requireAgreed: () => {} }, lag: openGate }), rows };
}
