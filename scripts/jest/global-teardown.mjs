/** Removes what global-setup.mjs made. */
export default async function tearDown() {
  await globalThis[Symbol.for('bulla.end-of-run')]?.();
}
