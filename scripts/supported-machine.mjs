/** The least Node that can run Bulla; Linux on x64 and arm64 gets the project's own by installing. */
const NODE_NEEDED = [24, 7];

/**
 * Says what stands in the way of running here, before anything is installed.
 * @param {{ platform: string, arch: string, nodeVersion: string, glibc: boolean }} machine
 * @returns {string | undefined} one line for the user, undefined when all is well
 */
export function obstacle({ platform, arch, nodeVersion, glibc }) {
  if (platform === 'win32')
    return 'Windows is supported through WSL 2: clone and run this inside a WSL 2 distribution.';
  if (platform === 'linux' && glibc && (arch === 'x64' || arch === 'arm64')) return undefined;
  if (isAtLeast(nodeVersion, NODE_NEEDED)) return undefined;
  const where = platform === 'darwin' ? 'macOS' : `${platform}-${arch}`;
  return `on ${where} Bulla runs on your own Node, which must be ${NODE_NEEDED.join('.')} or newer; this is ${nodeVersion}.`;
}

/** The machine that this process runs on, in the shape that obstacle() takes. */
export function thisMachine() {
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    glibc: process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime !== undefined,
  };
}

function isAtLeast(version, [major, minor]) {
  const [ownMajor, ownMinor] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
