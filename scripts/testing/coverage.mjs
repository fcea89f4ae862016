import { globSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import v8ToIstanbul from 'v8-to-istanbul';
import { coverageSources } from '../coverage-sources.mjs';
import { coverageThreshold } from '../coverage-threshold.mjs';
import { compileSource } from '../jest/compile-source.mjs';
import { repository } from '../workspaces.mjs';

const require = createRequire(import.meta.url);
const { createCoverageMap, createCoverageSummary } = require('istanbul-lib-coverage');
const { createContext } = require('istanbul-lib-report');
const reports = require('istanbul-reports');

const REPORTS = [
  ['text', { skipFull: true }],
  ['text-summary', {}],
  ['lcovonly', {}],
  ['json-summary', {}],
];

/**
 * Puts together what the workers covered (scripts/jest/coverage-probe.mjs), writes the reports and holds it against the
 * gate of each workspace.
 * @param {string} folder with the workers' files
 * @returns {Promise<string[]>} a line for each part of the gate that does not hold
 */
export async function judgeCoverage(folder) {
  const map = await coverageMap(folder);
  const context = createContext({ dir: `${repository}/coverage`, coverageMap: map });
  for (const [name, options] of REPORTS) reports.create(name, options).execute(context);
  return faultsOf(map, coverageThreshold());
}

/** One map of all sources: those that no test loaded count with nothing covered. */
async function coverageMap(folder) {
  const parts = readdirSync(folder).map((name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')));
  const merged = mergeProcessCovs(parts);
  const covered = new Map(merged.result.map(({ url, functions }) => [url, functions]));
  const [pattern, ...excluded] = coverageSources();
  const left = new Set(excluded.map((one) => one.slice(1)));
  const map = createCoverageMap({});
  for (const file of globSync(pattern, { cwd: repository })) {
    if (left.has(file) || file.endsWith('.test.ts')) continue;
    map.merge(await fileCoverage(`${repository}/${file}`, covered.get(pathToFileURL(`${repository}/${file}`).href)));
  }
  return map;
}

async function fileCoverage(path, functions) {
  const { code, mapFile } = compileSource(path);
  const originalSource = readFileSync(path, 'utf8');
  const sourcemap = { file: path, ...JSON.parse(readFileSync(mapFile, 'utf8')) };
  const converter = v8ToIstanbul(path, 0, { source: code, originalSource, sourceMap: { sourcemap } });
  await converter.load();
  converter.applyCoverage(functions ?? nothingOf(code));
  return converter.toIstanbul();
}

/** By this name v8-to-istanbul knows a file that was never loaded. */
function nothingOf({ length }) {
  return [
    {
      functionName: '(empty-report)',
      isBlockCoverage: true,
      ranges: [{ startOffset: 0, endOffset: length, count: 0 }],
    },
  ];
}

/**
 * @param {{ files(): string[], fileCoverageFor(file: string): { toSummary(): any } }} map
 * @param {ReturnType<typeof coverageThreshold>} thresholds
 */
export function faultsOf(map, thresholds) {
  return Object.entries(thresholds).flatMap(([folder, wanted]) => {
    const under = `${repository}/${folder.replace('./', '')}`;
    const summary = createCoverageSummary();
    const files = map.files().filter((file) => file.startsWith(under));
    for (const file of files) summary.merge(map.fileCoverageFor(file).toSummary());
    if (files.length === 0) return [`coverage: ${folder} has no sources`];
    return Object.entries(wanted)
      .filter(([what, least]) => !(summary[what].pct >= least))
      .map(
        ([what, least]) =>
          `coverage: ${folder} has ${summary[what].pct} % of its ${what} covered, and needs ${least} %`,
      );
  });
}
