// `tinyseek ablate`: runs a study and says what came of it, or lists the studies there are.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import { usualSeeds } from '../../experiments/evidence.ts';
import { loadStudy } from '../../experiments/load-study.ts';
import { jobsOf, openPlan, type Plan } from '../../experiments/plan.ts';
import { collectResults } from '../../experiments/results.ts';
import { type JobEvent, runJobs } from '../../experiments/run-jobs.ts';
import { studies } from '../../experiments/studies/index.ts';
import { type ResultFiles, writeResults } from '../../experiments/write-results.ts';
import { lockRun } from '../../io/run-lock.ts';
import type { StudyResults, VerdictRow } from '../../report/study-results.ts';
import { caveats, hasVerdicts, rangeText } from '../../report/study-text.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { invocation, shellWord } from '../invocation.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { createStudyProgress } from '../progress/study-progress.ts';
import { wholeNumber } from '../run-options.ts';
import { formatCount, plural } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';
import type { Line } from '../terminal/print.ts';
import { wrapProse } from '../terminal/text.ts';

export interface AblateOptions {
  readonly list?: boolean;
  readonly quick?: boolean;
  readonly seeds?: string;
  readonly steps?: string;
  readonly out?: string;
  readonly threads?: string;
}

/** The studies that come with TinySeek. */
export function listStudies(): CommandOutput {
  const json = {
    studies: studies.map(({ name, title, question, source, arms }) => ({
      name,
      title,
      question,
      source,
      arms: arms.length,
    })),
  };
  const width = Math.min(100, outputWidth());
  const lines = studies.flatMap((study) => [
    `${study.name}: ${study.title} (${plural(study.arms.length, 'arm')} x ${plural(usualSeeds(study, false), 'seed')})`,
    ...wrapProse(`  ${study.question}`, width),
  ]);
  const command = `${invocation()} ablate ${studies[0]?.name ?? ''} --quick`;
  return { json, lines: [...lines, '', 'Try one:', { command }] };
}

async function planOf(nameOrFile: string, options: AblateOptions): Promise<Plan> {
  const loaded = await loadStudy(nameOrFile);
  const { quick = false, seeds, steps, out } = options;
  return {
    ...loaded,
    quick,
    steps: steps === undefined ? null : wholeNumber('--steps', steps),
    seeds: seeds === undefined ? usualSeeds(loaded.study, quick) : wholeNumber('--seeds', seeds),
    out: out ?? join('runs', `ablate-${loaded.study.name}${quick ? '-quick' : ''}`),
  };
}

/** What repeats the study, in a shell. */
function commandOf(nameOrFile: string, { quick, steps, seeds, out }: Plan): string {
  return [
    `${invocation()} ablate ${shellWord(nameOrFile)}`,
    ...(quick ? ['--quick'] : []),
    `--seeds ${seeds}`,
    ...(steps === null ? [] : [`--steps ${steps}`]),
    `--out ${shellWord(out)}`,
  ].join(' ');
}

interface Outcome {
  readonly interrupted: boolean;
  readonly failures: readonly Extract<JobEvent, { type: 'failed' }>[];
}

/** Runs to the end or to the first interrupt, after which runs end with a checkpoint; a second one ends everything. */
async function follow(plan: Plan, parallel: number): Promise<Outcome> {
  const jobs = jobsOf(plan);
  const progress = createStudyProgress(jobs);
  const failures: Extract<JobEvent, { type: 'failed' }>[] = [];
  const abort = new AbortController();
  const stopListening = onInterrupt(process, {
    first: () => {
      abort.abort();
      progress.note('Stopping after this step, with checkpoints. Press Ctrl-C again to stop at once.');
    },
    second: () => process.exit(exitInterrupted),
  });
  const onEvent = (event: JobEvent) => {
    if (event.type === 'failed') failures.push(event);
    progress.onEvent(event);
  };
  try {
    await runJobs(plan, jobs, { parallel, onEvent, signal: abort.signal });
  } finally {
    stopListening();
    progress.end();
  }
  return { interrupted: abort.signal.aborted, failures };
}

function claimLines(row: VerdictRow, isJudged: boolean, width: number): string[] {
  const below = (text: string) => wrapProse(`  ${text}`, width);
  return [
    ...wrapProse(`${isJudged ? `${(row.verdict ?? 'no verdict').toUpperCase()}: ` : ''}${row.claim}`, width),
    `  found ${row.found === null ? 'nothing yet' : rangeText(row.found)}`,
    ...(isJudged && row.verdict === null ? below(row.reason) : []),
    ...(row.paper === null ? [] : below(`paper: ${row.paper}`)),
  ];
}

/** What to know about the numbers, then claim by claim what was found and, if there are any, verdicts. */
function findings(results: StudyResults, width: number): string[] {
  const warnings = caveats(results).flatMap((line) => wrapProse(line, width));
  const isJudged = hasVerdicts(results);
  const claims = results.verdicts.flatMap((row) => claimLines(row, isJudged, width));
  return [...warnings, ...(isJudged || claims.length === 0 ? [] : ['', 'Claims, and what was found:']), ...claims];
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

function closingLines(results: StudyResults, files: ResultFiles, width: number): string[] {
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

/** Runs a study, or goes on with it where it stopped. */
export async function ablate(nameOrFile: string | undefined, options: AblateOptions): Promise<CommandOutput> {
  if (options.list === true) return listStudies();
  if (nameOrFile === undefined)
    throw new UserError(`ablate: which study? See them with \`${invocation()} ablate --list\``);
  const plan = await planOf(nameOrFile, options);
  const parallel = options.threads === undefined ? availableParallelism() : wholeNumber('--threads', options.threads);
  const command = commandOf(nameOrFile, plan);
  const unlock = lockRun(plan.out);
  try {
    openPlan(plan);
    const outcome = await follow(plan, parallel);
    const results = collectResults(plan, command);
    const files = results === null ? null : await writeResults(results, plan.out);
    return concluded(outcome, results, files, command);
  } finally {
    unlock();
  }
}

function concluded(
  { interrupted, failures }: Outcome,
  results: StudyResults | null,
  files: ResultFiles | null,
  command: string,
): CommandOutput {
  const width = outputWidth();
  const closing = results === null || files === null ? [] : closingLines(results, files, width);
  const json = { finished: !interrupted && failures.length === 0, ...files, results };
  if (interrupted) {
    const lines: Line[] = [...closing, '', 'Stopped; nothing is lost. Go on with:', { command }];
    return { json, lines, exitCode: exitInterrupted };
  }
  if (failures.length === 0) return { json, lines: closing };
  const lines = failures.map(({ job, message }) => `${job.arm.name}, seed ${job.seed}: ${message}`);
  const isBug = failures.some(({ isUserError }) => !isUserError);
  const failed = `${plural(failures.length, 'run')} failed; the same command tries them again:`;
  return { json, lines: [...closing, '', failed, ...lines], exitCode: isBug ? 70 : 1 };
}
