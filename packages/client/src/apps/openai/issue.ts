import type { BullaError } from '../../connection/errors.js';
import { refused } from '../app-errors.js';

/** What a schema found, as the refusal of one member. */
interface SchemaError {
  readonly issues: readonly { readonly path: readonly PropertyKey[] }[];
}

/** @param under where the value that the schema looked at stands */
export function firstIssue(under: string, { issues: [issue] }: SchemaError): BullaError {
  const pointer = `${under}${(issue?.path ?? []).map((name) => `/${String(name)}`).join('')}`;
  return refused(pointer, 'is not of the kind that a sealed question takes there');
}
