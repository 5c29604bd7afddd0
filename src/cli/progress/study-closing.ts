// What a study says last: its numbers, what was found of its claims, and where everything lies.

import type { ResultFiles } from '../../experiments/write-results.ts';
import { caveats, claimsNote, correctedTitle, hasVerdicts, pText, rangeText } from '../../report/study/study-text.ts';
import type { StudyResults, VerdictRow } from '../../report/study-results.ts';
import { formatCount } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';
import { wrapProse } from '../terminal/text.ts';

/** One claim; `corrected` names the second verdict, null in a study without verdicts. */
function claimLines(row: VerdictRow, corrected: string | null, width: number): string[] {
  const isJudged = corrected !== null;
  const below = (text: string) => wrapProse(`  ${text}`, width);
  const foundText = row.found === null ? 'nothing yet' : rangeText(row.found);
  return [
    ...wrapProse(`${isJudged ? `${(row.verdict ?? 'no verdict').toUpperCase()}: ` : ''}${row.claim}`, width),
    `  found ${foundText}${row.verdict === null ? '' : `, ${pText(row.pValue)}`}`,
    ...(isJudged && row.verdict === null ? below(row.reason) : []),
    ...(row.verdict === null ? [] : below(`${corrected}: ${row.holm.verdict}, ${pText(row.holm.pValue)}`)),
    ...(row.paper === null ? [] : below(`paper: ${row.paper}`)),
  ];
}

/** What to know about the numbers, then claim by claim what was found and, if there are any, verdicts. */
function findings(results: StudyResults, width: number): string[] {
  const warnings = caveats(results).flatMap((line) => wrapProse(line, width));
  const isJudged = hasVerdicts(results);
  const corrected = isJudged ? correctedTitle(results) : null;
  const claims = results.verdicts.flatMap((row) => claimLines(row, corrected, width));
  const title = isJudged || claims.length === 0 ? [] : ['', 'Claims, and what was found:'];
  return [
    ...warnings,
    ...title,
    ...claims,
    ...(claims.length === 0 ? [] : ['', ...wrapProse(claimsNote(results), width)]),
  ];
}

function shortNumber(value: number): string {
  return value >= 1e6 ? formatCount(value) : Number(value.toPrecision(4)).toString();
}

function armLines({ arms, metrics }: StudyResults, width: number): string[] {
  const header = ['arm', ...metrics.map(({ key }) => key)];
  const rows = arms.map(({ name, cells }) => [
    name,
    ...cells.map(({ value }) => (value === null ? '' : shortNumber(value.mean))),
  ]);
  const right = metrics.map((_, column) => column + 1);
  return formatHeadedTable([header, ...rows], width, right);
}

export function studyClosingLines(results: StudyResults, files: ResultFiles, width: number): string[] {
  return [
    '',
    ...armLines(results, width),
    '',
    ...findings(results, Math.min(width, 100)),
    '',
    `Report: ${files.report}`,
    `Numbers: ${files.json}, ${files.csv}, ${files.markdown}`,
  ];
}
