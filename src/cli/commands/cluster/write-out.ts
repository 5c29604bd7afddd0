// Writes a timeline where `--out` says.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { stepName, stepsOf } from '../../../cluster/schedule/dependencies.ts';
import { activationChanges, type TimedOperation, type Timeline } from '../../../cluster/schedule/timeline.ts';
import { type ActivationUnit, chunks, traceEvents } from '../../../cluster/trace-events.ts';
import { UserError } from '../../../errors.ts';
import { explainFsErrors } from '../../../io/file-system.ts';
import { replaceFile } from '../../../io/replace-file.ts';
import { renderTimeline } from '../../../report/lazy.ts';
import type { Lane, Span, TimelineData } from '../../../report/timeline/timeline-data.ts';
import { writePage } from '../../write-report.ts';

/** A timeline with what a reader has to know of it. */
export interface TimelineOut {
  readonly title: string;
  readonly timeline: Timeline;
  /** The unit of its times, and how many seconds that is in a trace. */
  readonly unit: string;
  readonly secondsPerUnit: number;
  readonly notes?: readonly string[];
  readonly facts?: TimelineData['facts'];
  readonly activations?: ActivationUnit;
}

/**
 * Writes a page (`.html`) or a trace (`.json`) and returns the line that says so.
 *
 * @throws {UserError} for another ending, and where a file of somebody else is in the way
 */
export async function writeOut(path: string, out: TimelineOut): Promise<string[]> {
  if (path.endsWith('.html')) {
    await writePage(path, () => renderTimeline(pageOf(out)));
    return [`Report: ${path}`];
  }
  if (!path.endsWith('.json'))
    throw new UserError(`--out: expected a name that ends in .html or .json, found ${JSON.stringify(path)}`);
  refuseOther(path);
  const { title, timeline, secondsPerUnit, activations } = out;
  replaceFile(path, JSON.stringify(traceEvents(title, timeline, secondsPerUnit, activations)), 'cluster');
  return [`Trace: ${path} (open it in ui.perfetto.dev)`];
}

/** A file that is no trace is somebody's work. */
function refuseOther(path: string): void {
  if (!existsSync(path)) return;
  const isTrace = explainFsErrors('cluster: cannot read', path, () => {
    return statSync(path).isFile() && readFileSync(path, 'utf8').startsWith('{"traceEvents":');
  });
  if (!isTrace)
    throw new UserError(`cluster: ${path} is there and is no trace; choose another file with --out, or delete it`);
}

function pageOf({ title, timeline, unit, notes = [], facts = [], activations = chunks }: TimelineOut): TimelineData {
  const { makespan, idle, peakActivations, operations } = timeline;
  const range = (values: readonly number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => String(Number(value.toPrecision(4))));
    return low === high ? `${low} on every rank` : `${low} to ${high}`;
  };
  return {
    title,
    notes,
    unit,
    heldUnit: activations.name,
    makespan,
    lanes: operations.map((list, rank) => laneOf(list, rank, activations)),
    facts: [
      [`All passes, ${unit}`, String(Number(makespan.toPrecision(4)))],
      [`A rank waits, ${unit}`, range(idle)],
      ['Most chunks held at once', range(peakActivations)],
      ...facts,
    ],
  };
}

function laneOf(list: readonly TimedOperation[], rank: number, { of }: ActivationUnit): Lane {
  let held = 0;
  return {
    name: `rank ${rank}`,
    spans: list.map(spanOf),
    held: activationChanges(list, of).map(({ time, change }) => {
      held += change;
      return { time, value: held };
    }),
  };
}

function spanOf({ operation, start, end }: TimedOperation): Span {
  const steps = stepsOf(operation);
  return {
    start,
    end,
    kind: operation.kind,
    text: steps.map(({ microBatch }) => microBatch).join('/'),
    title: steps.map(stepName).join(' and '),
  };
}
