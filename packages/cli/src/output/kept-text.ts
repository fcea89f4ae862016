import type { OpenedVersion } from '@bulla/client';
import { textOf } from './statement-lines.js';
import { visibleLine } from './visible-text.js';

/** What somebody must have seen before an organisation keeps a version, in lines: its text, its files by name, its rights. */
export function keptLines(statement: OpenedVersion['statement']): string[] {
  const { acl, attachments } = statement;
  const listed = (groups: readonly string[]) => groups.join(', ') || 'nobody';
  return [
    ...textOf(statement).map(visibleLine),
    ...attachments.map(({ id, size }) => `with the attachment ${id} of ${size} bytes, not shown here`),
    `may be run by ${listed(acl.invoke)}; read by ${listed(acl.read)}`,
  ];
}
