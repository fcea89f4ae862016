import type { OpenedVersion } from '@bulla/client';

/** What somebody must have seen before an organisation keeps a version: its text, its files by name, its rights. */
export function keptText({ content, acl, attachments }: OpenedVersion['statement']): string {
  const messages = content.messages.map((message) => `# ${message.role}\n${message.content}\n`);
  const files = attachments.map(({ id, size }) => `with the attachment ${id} of ${size} bytes, not shown here\n`);
  const listed = (groups: readonly string[]) => groups.join(', ') || 'nobody';
  return [...messages, ...files, `may be run by ${listed(acl.invoke)}; read by ${listed(acl.read)}\n`].join('');
}
