// The parts of docs/results.md that are made from numbers.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { armTable, costTable, meanNote, table, verdictTable } from '../src/experiments/results-markdown.ts';
import { studies } from '../src/experiments/studies/index.ts';
import { formatDuration } from '../src/report/format.ts';
import { seedsAndMachine } from '../src/report/study/study-text.ts';
import type { StudyResults, Verdict } from '../src/report/study-results.ts';
import { fillBlocks } from './marked-blocks.ts';

const verdictNames: readonly Verdict[] = ['reproduced', 'not distinguishable', 'contradicted'];

/** Where results of full size are kept. */
export const kept = 'docs/results';

/** The kept results, in the order of `tinyseek ablate --list`. */
export function readKept(): StudyResults[] {
  const paths = studies.map(({ name }) => join(kept, `${name}.json`)).filter((path) => existsSync(path));
  return paths.map((path) => JSON.parse(readFileSync(path, 'utf8')));
}

/** The page with everything between the marks written again; a study without its mark in the page is an error. */
export function resultsPage(page: string, all: readonly StudyResults[]): string {
  const blocks = [
    ['overview', overview(all)] as const,
    ...all.map((results) => [results.name, block(results)] as const),
  ];
  return fillBlocks(
    page,
    blocks.map(([name, content]) => ({ begin: `<!-- study ${name} -->`, end: `<!-- end ${name} -->`, content })),
  );
}

function overview(all: readonly StudyResults[]): string {
  const rows = all.map((results) => {
    const counts = verdictNames.map((name) => results.verdicts.filter(({ verdict }) => verdict === name).length);
    const { name, title, arms, seeds } = results;
    return [`[${name}](#${name})`, title, `${arms.length} x ${seeds}`, ...counts.map(String)];
  });
  return table(['study', 'about', 'arms x seeds', ...verdictNames], rows);
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
