// The parts of docs/results.md that are made from numbers.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withHolm } from '../src/experiments/holm.ts';
import { armTable, costTable, meanNote, table, verdictTable } from '../src/experiments/results-markdown.ts';
import { studies } from '../src/experiments/studies/index.ts';
import { formatDuration } from '../src/report/format.ts';
import { claimsNote, seedsAndMachine } from '../src/report/study/study-text.ts';
import type { StudyResults, Verdict, VerdictRow } from '../src/report/study-results.ts';
import { fillBlocks } from './marked-blocks.ts';
import { fillNumbers } from './results-prose.ts';

const verdictNames: readonly Verdict[] = ['reproduced', 'not distinguishable', 'contradicted'];

/** Where results of full size are kept. */
export const kept = 'docs/results';

/** The kept results, in the order of `tinyseek ablate --list`, their claims corrected as one family. */
export function readKept(): StudyResults[] {
  const paths = studies.map(({ name }) => join(kept, `${name}.json`)).filter((path) => existsSync(path));
  const all = paths.map((path): StudyResults => JSON.parse(readFileSync(path, 'utf8')));
  const rows = withHolm(all.flatMap(({ verdicts }) => verdicts));
  const correctedFor = rows.length;
  return all.map((results) => ({ ...results, correctedFor, verdicts: rows.splice(0, results.verdicts.length) }));
}

/**
 * The page with everything between the marks written again, and the numbers of the prose; a study without its mark in
 * the page is an error.
 */
export function resultsPage(page: string, all: readonly StudyResults[]): string {
  const blocks = [
    ['overview', overview(all)] as const,
    ...all.map((results) => [results.name, block(results)] as const),
  ];
  const filled = fillBlocks(
    page,
    blocks.map(([name, content]) => ({ begin: `<!-- study ${name} -->`, end: `<!-- end ${name} -->`, content })),
  );
  return fillNumbers(filled, all);
}

/** For each verdict how many claims have it, and in brackets how many after the correction. */
function verdictCounts(rows: readonly VerdictRow[]): string[] {
  const judged = rows.flatMap((row) => (row.verdict === null ? [] : [row]));
  return verdictNames.map((name) => {
    const alone = judged.filter(({ verdict }) => verdict === name).length;
    return `${alone} (${judged.filter(({ holm }) => holm.verdict === name).length})`;
  });
}

function overview(all: readonly StudyResults[]): string {
  const rows = all.map(({ name, title, arms, seeds, verdicts }) => [
    `[${name}](#${name})`,
    title,
    `${arms.length} x ${seeds}`,
    ...verdictCounts(verdicts),
  ]);
  const sum = ['all', '', '', ...verdictCounts(all.flatMap(({ verdicts }) => verdicts))];
  const [first] = all;
  const note = first === undefined ? '' : `In brackets: corrected. ${claimsNote(first)}`;
  return `${table(['study', 'about', 'arms x seeds', ...verdictNames], [...rows, sum])}\n\n${note}`;
}

function block(results: StudyResults): string {
  const { name, title, question, equal, source, paper, command, createdAt } = results;
  const parts = [
    `**${question}** ${equal} Source: ${source}.`,
    `![${title}: charts of the report](results/${name}.png)`,
    verdictTable(results),
    meanNote(results),
    armTable(results),
    ...(paper.length === 0 ? [] : [`The paper: ${paper.join(' ')}`]),
    `<details><summary>What was run: <code>${command}</code></summary>`,
    costTable(results),
    `${seedsAndMachine(results)}; ${createdAt.slice(0, 10)}. ` +
      `All runs together: ${formatDuration(runSeconds(results))}, two at a time. Every number of every run: [results/${name}.json](results/${name}.json).`,
    '</details>',
  ];
  return parts.join('\n\n');
}

function runSeconds({ arms }: StudyResults): number {
  return arms.flatMap(({ runs }) => runs).reduce((sum, { measured }) => sum + (measured.seconds ?? 0), 0);
}
