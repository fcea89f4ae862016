/** What the system means by a code, for people. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'something else is there already',
  EACCES: 'this account may not',
  EPERM: 'this account may not',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EADDRINUSE: 'something else listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** Why the system refused something, with its own code, which a reader can look up. */
export function reasonOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  if (typeof code !== 'string') return 'the system does not say why';
  const reason = REASONS[code];
  return reason === undefined ? code : `${reason} (${code})`;
}
