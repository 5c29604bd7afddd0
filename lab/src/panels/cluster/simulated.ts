// A pipeline of the form, simulated: what the panel draws and says of it.

import { createSchedule, passDurations, type ScheduleName, simulateSchedule, type Timeline } from 'tinyseek/more';
import { UserError } from 'tinyseek/core';

/** What people type: numbers as text. */
export interface PipelineForm {
  readonly ranks: string;
  readonly microBatches: string;
  readonly F: string;
  readonly B: string;
  readonly W: string;
  readonly FB: string;
}

export const firstForm: PipelineForm = { ranks: '8', microBatches: '20', F: '1', B: '2', W: '1', FB: '3' };

export interface Simulated {
  readonly name: ScheduleName;
  readonly timeline: Timeline;
  /** The mean over ranks, as a part of the step. */
  readonly bubble: number;
  /** Of each rank, the most that it holds, in the activations of a micro-batch in 1 / ranks of the model. */
  readonly held: readonly number[];
}

/** More would take the page too long to draw. */
const most = { ranks: 16, microBatches: 64 };

/** @throws {UserError} for numbers that are none, and for those that the schedule refuses, with the nearest it takes */
export function simulate(name: ScheduleName, form: PipelineForm): Simulated {
  const [ranks, microBatches] = [whole(form, 'ranks'), whole(form, 'microBatches')];
  const { stages, ...schedule } = createSchedule(name, ranks, microBatches);
  // With two stages a rank, each has half the layers.
  const size = ranks / stages;
  const [F, B, W, FB] = [cost(form, 'F'), cost(form, 'B'), cost(form, 'W'), cost(form, 'FB')];
  if (W >= B) throw new UserError(`W is a part of B and must be less than it; try ${B / 2}`);
  const timeline = simulateSchedule(
    { stages, ...schedule },
    passDurations({ F: size * F, B: size * B, W: size * W, FB: size * FB }),
  );
  const { idle, makespan, peakActivations } = timeline;
  const bubble = idle.reduce((sum, time) => sum + time, 0) / idle.length / makespan;
  return { name, timeline, bubble, held: peakActivations.map((chunks) => chunks * size) };
}

function whole(form: PipelineForm, key: 'ranks' | 'microBatches'): number {
  const value = Number(form[key]);
  if (Number.isInteger(value) && value >= 1 && value <= most[key]) return value;
  const what = key === 'ranks' ? 'Ranks' : 'Micro-batches';
  throw new UserError(
    `${what}: a whole number from 1 to ${most[key]} is needed, and this is ${JSON.stringify(form[key])}`,
  );
}

function cost(form: PipelineForm, key: 'F' | 'B' | 'W' | 'FB'): number {
  const value = Number(form[key]);
  if (form[key].trim() !== '' && value > 0 && value <= 1000) return value;
  throw new UserError(`${key}: a number above 0 and up to 1000 is needed, and this is ${JSON.stringify(form[key])}`);
}
