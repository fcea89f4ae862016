/** Where a version is kept that a newer one replaced. */
export function versionName(folder: string, kind: 'policy' | 'directory', version: number): string {
  return `${folder}/${kind}.${version}.json`;
}
