/** What one piece of work may take from everybody else who runs in this process. */
const SLICE_MS = 8;

/**
 * Lets others work between the pieces of something long.
 * @returns to be awaited after each piece; waits only where a slice of time is used up.
 */
export function pauses(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < SLICE_MS) return;
    // A task of its own: promises alone let no request in.
    await new Promise((resolve) => setTimeout(resolve, 0));
    since = performance.now();
  };
}
