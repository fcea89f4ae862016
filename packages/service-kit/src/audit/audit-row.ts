/** What waits to come into the log of an organisation. */
export interface AuditRow {
  readonly org: string;
  /** Text of its leaf, from audit-record.ts. */
  readonly event: string;
  /** From `evidenceOf`; null where nobody signed, or where another row of the same request has it. */
  readonly evidence: string | null;
}

/** A row as it is written. */
export interface SealedRow extends AuditRow {
  /** Which secret of the key file authenticates it. */
  readonly secretId: string;
  /** Hexadecimal: statements take their values as text. */
  readonly mac: string;
}
