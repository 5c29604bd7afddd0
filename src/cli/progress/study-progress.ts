// Progress of a study on standard error: a live table of its arms on a terminal, a line a finished run anywhere else.

import type { Job } from '../../experiments/plan.ts';
import type { JobEvent } from '../../experiments/run-jobs.ts';
import { progressBar } from '../terminal/charts.ts';
import { formatDuration, plural } from '../terminal/format.ts';
import { createLiveBlock, usableColumns } from '../terminal/live-block.ts';
import { type Output, print } from '../terminal/print.ts';
import { alignColumns } from '../terminal/table.ts';
import { wrapProse } from '../terminal/text.ts';
import { type ArmStanding, createStudyState, type StudyState } from './study-state.ts';

const redrawMilliseconds = 200;

export interface StudyProgress {
  onEvent(event: JobEvent): void;
  /** Prints a remark without disturbing the rest. */
  note(line: string): void;
  /** Leaves the terminal as it should be. */
  end(): void;
}

export function createStudyProgress(jobs: readonly Job[], stream: Output = process.stderr): StudyProgress {
  const state = createStudyState(jobs);
  const canRedraw = stream.isTTY && process.env.TERM !== 'dumb';
  return canRedraw ? liveTable(state, stream) : plainLines(state, (line) => print(stream, [line]));
}

function runningText({ running }: ArmStanding, several: boolean): string {
  return running
    .map(({ seed, step, steps, loss, doing }) => {
      const name = several ? `seed ${seed} ` : '';
      const lossText = loss === null ? 'starting' : `loss ${loss.toFixed(3)}`;
      const standing = doing ?? (steps === 1 ? lossText : `${step}/${steps} ${lossText}`);
      return `${name}${progressBar(step / steps, 12)} ${standing}`;
    })
    .join('  ');
}

/** The table and how far the study is. */
function tableLines(state: StudyState): string[] {
  const rows = state.arms().map((arm) => {
    const failed = arm.failed > 0 ? `, ${arm.failed} failed` : '';
    return [arm.arm, `${arm.done}/${arm.seeds} done${failed}`, runningText(arm, arm.seeds > 1)];
  });
  return [...alignColumns(rows), totalLine(state)];
}

function totalLine(state: StudyState): string {
  const left = state.secondsLeft();
  const time = Number.isFinite(left) ? `, about ${formatDuration(left)} left` : '';
  return `${state.doneRuns()} of ${plural(state.totalRuns, 'run')} done${time}`;
}

/** What is worth a line that stays: each failure, and each warning once, however many runs have it. */
function createRemarks(): (event: JobEvent) => string | null {
  const said = new Set<string>();
  return (event) => {
    const run = `${event.job.arm.name}, seed ${event.job.seed}`;
    if (event.type === 'failed') return `${run} failed: ${event.message}`;
    if (event.type !== 'warning' || said.has(event.message)) return null;
    said.add(event.message);
    return `warning: ${run}: ${event.message}`;
  };
}

function liveTable(state: StudyState, stream: Output): StudyProgress {
  const block = createLiveBlock(stream);
  const draw = () => block.draw(tableLines(state));
  const remark = createRemarks();
  let drawnAt = Number.NEGATIVE_INFINITY;
  const showCursor = () => block.end();
  process.once('exit', showCursor);
  return {
    onEvent: (event) => {
      state.update(event);
      const line = remark(event);
      if (line !== null) block.above(wrapProse(line, usableColumns(stream)));
      if ((event.type === 'step' || event.type === 'progress') && performance.now() - drawnAt < redrawMilliseconds)
        return;
      drawnAt = performance.now();
      draw();
    },
    note: (line) => block.above(wrapProse(line, usableColumns(stream))),
    end: () => {
      process.off('exit', showCursor);
      draw();
      block.end();
    },
  };
}

function plainLines(state: StudyState, print: (line: string) => void): StudyProgress {
  const remark = createRemarks();
  return {
    onEvent: (event) => {
      state.update(event);
      const line = remark(event);
      if (line !== null) print(line);
      if (event.type === 'done' && !event.already)
        print(`${event.job.arm.name}, seed ${event.job.seed}: ${totalLine(state)}`);
    },
    note: print,
    end: () => {},
  };
}
