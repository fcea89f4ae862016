/**
 * Rows of a Markdown table.
 * @param {readonly string[]} columns names of the members of a row
 * @param {readonly Record<string, string>[]} rows
 * @returns {string[]} one line each
 */
export function tableLines(columns, rows) {
  return rows.map((row) => `| ${columns.map((column) => row[column].replaceAll('|', '\\|')).join(' | ')} |`);
}

/**
 * The rows of the first table of a page.
 * @param {readonly string[]} columns
 * @param {string} page
 * @returns {Record<string, string>[]}
 */
export function tableRows(columns, page) {
  const lines = page.split('\n');
  const rule = lines.findIndex((line) => /^\|[-:|]+\|$/.test(line));
  const after = lines.slice(rule + 1);
  const end = after.findIndex((line) => !line.startsWith('| '));
  return after.slice(0, end < 0 ? undefined : end).map((line) => {
    const cells = line.slice(2, -2).split(/(?<!\\) \| /);
    return Object.fromEntries(columns.map((column, at) => [column, (cells[at] ?? '').replaceAll('\\|', '|')]));
  });
}
