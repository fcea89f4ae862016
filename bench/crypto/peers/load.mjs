/**
 * Imports a package that is installed beside this file.
 * @param {string} name
 */
export const load = (name) => import(name);
