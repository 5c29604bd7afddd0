// A timeline in the trace event format of Chrome, which ui.perfetto.dev and chrome://tracing open.
//
// Source: the "Trace Event Format" document of the Chromium project. Times are in microseconds there.

import { stepName, stepsOf } from './schedule/dependencies.ts';
import { activationChanges, type TimedOperation, type Timeline } from './schedule/timeline.ts';

export type TraceEvent =
  /** Metadata: the name of a process or of a thread. */
  | {
      readonly ph: 'M';
      readonly name: 'process_name' | 'thread_name';
      readonly pid: number;
      readonly tid?: number;
      readonly args: { readonly name: string };
    }
  /** A complete event: it begins at `ts` and takes `dur`. */
  | {
      readonly ph: 'X';
      readonly name: string;
      readonly cat: string;
      readonly pid: number;
      readonly tid: number;
      readonly ts: number;
      readonly dur: number;
      readonly args: Readonly<Record<string, number | string>>;
    }
  /** A counter, drawn as a lane. */
  | {
      readonly ph: 'C';
      readonly name: string;
      readonly pid: number;
      readonly ts: number;
      readonly args: Readonly<Record<string, number>>;
    };

export interface TraceFile {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, string>>;
}

/** What a chunk's activations take, in the unit that the lanes are to have; and what that unit is. */
export interface ActivationUnit {
  readonly name: string;
  readonly of: (stage: number) => number;
}

export const chunks: ActivationUnit = { name: 'chunks', of: () => 1 };

/**
 * A process for each rank, with a track of its operations and a lane of the activations that it holds.
 *
 * `secondsPerUnit`: seconds in the unit of time of the timeline.
 */
export function traceEvents(
  title: string,
  timeline: Timeline,
  secondsPerUnit: number,
  unit: ActivationUnit = chunks,
): TraceFile {
  const microseconds = (time: number) => Math.round(time * secondsPerUnit * 1e9) / 1e3; // to a nanosecond
  const events = timeline.operations.flatMap((list, rank): TraceEvent[] => [
    { ph: 'M', name: 'process_name', pid: rank, args: { name: `rank ${rank}` } },
    { ph: 'M', name: 'thread_name', pid: rank, tid: 0, args: { name: 'computation' } },
    ...list.map((one) => operationEvent(one, rank, microseconds)),
    ...memoryEvents(list, rank, microseconds, unit),
  ]);
  return { traceEvents: events, displayTimeUnit: 'ms', otherData: { title } };
}

function operationEvent(
  { operation, start, end }: TimedOperation,
  rank: number,
  microseconds: (time: number) => number,
): TraceEvent {
  const steps = stepsOf(operation);
  return {
    ph: 'X',
    name: steps.map(stepName).join(' + '),
    cat: operation.kind,
    pid: rank,
    tid: 0,
    ts: microseconds(start),
    dur: microseconds(end - start),
    args: Object.fromEntries(
      steps.flatMap(({ kind, stage, microBatch }) => [[kind, `stage ${stage}, micro-batch ${microBatch}`]]),
    ),
  };
}

function memoryEvents(
  list: readonly TimedOperation[],
  rank: number,
  microseconds: (time: number) => number,
  { name, of }: ActivationUnit,
): TraceEvent[] {
  let held = 0;
  return activationChanges(list, of).map(({ time, change }) => {
    held += change;
    return { ph: 'C', name: `activations, ${name}`, pid: rank, ts: microseconds(time), args: { [name]: held } };
  });
}
