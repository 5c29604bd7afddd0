// Runs every study with `--quick`, as a reader would try it, one after the other in a scratch folder, and fails if one
// does not end well, leaves out a file, has an arm or a claim without numbers, or gives a verdict.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StudyResults } from '../src/report/study-results.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tinyseek-studies-'));

/** Progress goes to a pipe, which is read when a study has failed. */
function tinyseek(...args: string[]) {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

/** Arms that lack runs or numbers, claims without an estimate over all seeds, and claims with a verdict. */
function wrongNumbers({ arms, metrics, verdicts, seeds }: StudyResults, plannedArms: number): string[] {
  const unfinished = arms.filter(
    ({ runs }) =>
      runs.length < seeds || runs.some(({ measured }) => metrics.every(({ key }) => measured[key] === undefined)),
  );
  const unmeasured = verdicts.filter(({ found }) => found === null || found.n < seeds);
  const judged = verdicts.filter(({ verdict }) => verdict !== null);
  return [
    ...(arms.length === plannedArms ? [] : [`${arms.length} of ${plannedArms} arms have results`]),
    ...unfinished.map(({ name }) => `arm ${name} has not ended with all seeds`),
    ...(verdicts.length > 0 ? [] : ['there is no claim']),
    ...unmeasured.map(({ claim }) => `nothing was found for the claim: ${claim}`),
    ...judged.map(({ claim }) => `two short seeds gave a verdict on the claim: ${claim}`),
  ];
}

/** Files that do not hold what they are for. */
function wrongFiles(out: string, { title, arms, verdicts }: StudyResults): string[] {
  const read = (name: string) => (existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : '');
  const lines = read('results.csv').trimEnd().split('\n').length;
  const runs = arms.reduce((sum, arm) => sum + arm.runs.length, 0);
  const [markdown, page] = [read('results.md'), read('report.html')];
  return [
    ...(lines === 1 + runs ? [] : [`results.csv has ${lines} lines for ${runs} runs`]),
    ...(verdicts.every(({ claim }) => markdown.includes(claim)) ? [] : ['results.md does not have all claims']),
    ...(page.includes(title) && page.trimEnd().endsWith('</html>') ? [] : ['report.html is not whole']),
  ];
}

/** What is wrong with a study, nothing if it went well. */
function tryStudy(name: string, plannedArms: number): string[] {
  const out = join(scratch, name);
  const { status, stdout, stderr } = tinyseek('ablate', name, '--quick', '--out', out);
  if (status !== 0) return [`ended with exit code ${status}`, stdout, stderr];
  const path = join(out, 'results.json');
  if (!existsSync(path)) return ['wrote no results.json'];
  const results: StudyResults = JSON.parse(readFileSync(path, 'utf8'));
  return [...wrongNumbers(results, plannedArms), ...wrongFiles(out, results)];
}

const { studies }: { studies: readonly { name: string; arms: number }[] } = JSON.parse(
  tinyseek('ablate', '--list', '--json').stdout,
);
for (const { name, arms } of studies) {
  const start = performance.now();
  const problems = tryStudy(name, arms);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`-- ${name}, ${arms} arms: ${problems.length === 0 ? 'ok' : 'FAILED'}, ${seconds} s`);
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
}
rmSync(scratch, { recursive: true, force: true });
if (studies.length === 0) throw new Error('there are no studies');
