// The results of a study as a page of Markdown.

import {
  caveats,
  changeText,
  claimsNote,
  claimsTitle,
  costCells,
  correctedTitle,
  hasCutIntervals,
  hasVerdicts,
  intervalCount,
  intervalText,
  pText,
  rangeText,
  seedsAndMachine,
} from '../report/study/study-text.ts';
import type { MetricCell, StudyResults, VerdictRow } from '../report/study-results.ts';
import { markdownTexts } from './markdown-text.ts';

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), `|${' --- |'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

/** The verdict for the claim alone, then the corrected one. */
function verdictCells(row: VerdictRow): [string, string] {
  if (row.verdict === null) return [row.reason, ''];
  return [`**${row.verdict}** (${pText(row.pValue)})`, `${row.holm.verdict} (${pText(row.holm.pValue)})`];
}

/** The table of claims, with what was found and, if there are any, the verdicts, alone and corrected. */
export function verdictTable(results: StudyResults): string {
  const isJudged = hasVerdicts(results);
  const rows = results.verdicts.map((row) => [
    row.claim,
    row.rule,
    row.found === null ? 'not measured yet' : rangeText(row.found),
    ...(isJudged ? verdictCells(row) : []),
    row.paper ?? '',
  ]);
  const verdictHeads = isJudged ? ['verdict', correctedTitle(results)] : [];
  return table(['claim', 'rule, written before the run', 'found', ...verdictHeads, 'paper'], rows);
}

function cellText({ value, difference }: MetricCell): string {
  if (value === null) return '';
  const change = difference === null ? '' : ` (${changeText(difference)})`;
  return `${intervalText(value)}${change}`;
}

export function armTable({ metrics, arms }: StudyResults): string {
  const header = ['arm', ...metrics.map(({ label, unit }) => (unit === null ? label : `${label}, ${unit}`))];
  return table(
    header,
    arms.map((arm) => [arm.label, ...arm.cells.map(cellText)]),
  );
}

/** How to read `armTable`. */
export function meanNote(results: StudyResults): string {
  const { arms, statistics } = results;
  const shown = `half the interval${hasCutIntervals(results) ? ' (in brackets both ends, where it is cut)' : ''}`;
  const first = arms[0]?.label ?? 'the first arm';
  return `Mean ± ${shown}; difference from ${first}. ${statistics}; ${intervalCount(results)} intervals.`;
}

export function costTable({ arms }: StudyResults): string {
  const rows = arms.map((arm) => [
    arm.label,
    arm.changes.map((change) => `\`${change}\``).join(', '),
    ...costCells(arm),
  ]);
  return table(
    ['arm', 'changes', 'seeds', 'steps', 'tokens', 'parameters', 'active', 'FLOPs', 'wall clock a run'],
    rows,
  );
}

/** The whole page. */
export function resultsMarkdown(found: StudyResults): string {
  const results = markdownTexts(found);
  const { title, question, source, equal, paper, command, createdAt } = results;
  const parts = [
    `# ${title}`,
    question,
    ...(source === '' ? [] : [`Source: ${source}.`]),
    equal,
    ...caveats(results).map((line) => `**${line}**`),
    ...(results.verdicts.length === 0 ? [] : [`## ${claimsTitle(results)}`, verdictTable(results)]),
    ...(results.verdicts.length === 0 ? [] : [claimsNote(results)]),
    '## Results',
    meanNote(results),
    armTable(results),
    ...(paper.length === 0 ? [] : ['## The paper', paper.map((line) => `- ${line}`).join('\n')]),
    '## What was run',
    costTable(results),
    `${seedsAndMachine(results)}; ${createdAt}. ` +
      'FLOPs are those of the training steps by formula; wall clock includes evaluations, with other runs at its side.',
    `Repeat it:\n\n\`\`\`sh\n${command}\n\`\`\``,
  ];
  return `${parts.join('\n\n')}\n`;
}
