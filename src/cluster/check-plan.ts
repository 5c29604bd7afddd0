// Whether a model and its batches can be laid out on ranks as is asked for, and what could be, if not.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import { type Layout, layoutText } from './layout.ts';
import { mostRanks, ranksOf, replicasOf } from './ranks/places.ts';
import { createSchedule, type ScheduleName, stagesOf } from './schedule/schedules.ts';

type ModelSize = Pick<ModelConfig, 'numHiddenLayers' | 'nRoutedExperts'>;
type BatchSize = Pick<TrainConfig, 'batchSize' | 'gradAccumSteps'>;

/**
 * The micro-batches of each pipeline in a step where none are asked for: those that `gradAccumSteps` makes if that is
 * above 1, or the fewest that the schedule takes and that fill the pipeline and divide the batch.
 */
export function defaultMicroBatches(layout: Layout, schedule: ScheduleName, { batchSize, gradAccumSteps }: BatchSize) {
  const replicas = replicasOf(layout);
  if (gradAccumSteps > 1) return gradAccumSteps / replicas;
  const candidates = countUpTo(Math.max(batchSize, 4 * layout.pp));
  const accepted = candidates.filter((count) => count >= layout.pp && isTaken(schedule, layout.pp, count));
  return accepted.find((count) => batchSize % (count * replicas) === 0) ?? accepted[0] ?? layout.pp;
}

/**
 * Checks a layout for training. Layers need not divide by stages.
 *
 * @throws {UserError} that says what does not fit, and the nearest that does
 */
export function checkPlan(
  { layout, schedule, microBatches }: { layout: Layout; schedule: ScheduleName; microBatches: number },
  { numHiddenLayers, nRoutedExperts }: ModelSize,
  { batchSize }: Pick<BatchSize, 'batchSize'>,
): void {
  const [stages, parts] = [stagesOf(schedule, layout.pp), microBatches * replicasOf(layout)];
  const isCut = Number.isInteger(batchSize / parts);
  const problems = [
    ranksOf(layout) > mostRanks ? `${ranksOf(layout)} ranks are more threads than the ${mostRanks} that may run` : null,
    stages > numHiddenLayers
      ? `${schedule} cuts the model into ${stages} stages, and it has ${numHiddenLayers} layers`
      : null,
    nRoutedExperts % layout.ep !== 0 ? `ep=${layout.ep} does not divide the ${nRoutedExperts} experts` : null,
    isCut
      ? null
      : `a batch of ${batchSize} rows cannot be cut into ${parts} micro-batches, ${plural(layout, microBatches)}`,
  ].filter((problem) => problem !== null);
  if (problems.length === 0 && isTaken(schedule, layout.pp, microBatches)) return;
  if (problems.length === 0) problems.push(reasonOf(schedule, layout.pp, microBatches));
  const nearest = nearestPlan({ layout, schedule, microBatches }, { numHiddenLayers, nRoutedExperts }, batchSize);
  throw new UserError(`cluster: ${layoutText(layout)} does not work: ${problems.join('; ')}; try ${nearest}`);
}

/** The nearest layout whose pipelines can share `parts` equally: as many copies as can be, and fewer ranks for experts. */
export function nearestSharing({ pp, ep, dp }: Layout, parts: number): Layout {
  const nearest = (asked: number, of: number) =>
    countUpTo(of)
      .filter((count) => of % count === 0)
      .reduce((best, count) => (Math.abs(count - asked) < Math.abs(best - asked) ? count : best));
  const shared = nearest(ep, parts);
  return { pp, ep: shared, dp: nearest(dp, parts / shared) };
}

const plural = (layout: Layout, microBatches: number) => `${microBatches} for each of ${replicasOf(layout)} pipelines`;
const countUpTo = (most: number) => Array.from({ length: most }, (_, i) => i + 1);

/**
 * The nearest options with which a rank takes less memory: twice the micro-batches, or twice the stages, or experts
 * divided among twice the ranks, whichever is the first that fits; null where none of them does.
 */
export function roomierPlan(
  { layout, schedule, microBatches }: { layout: Layout; schedule: ScheduleName; microBatches: number },
  model: ModelSize,
  batch: Pick<BatchSize, 'batchSize'>,
): string | null {
  const { pp, ep } = layout;
  const candidates = [
    { layout, schedule, microBatches: 2 * microBatches },
    { layout: { ...layout, pp: 2 * pp }, schedule, microBatches: Math.max(microBatches, 4 * pp) },
    { layout: { ...layout, ep: 2 * ep }, schedule, microBatches },
  ];
  const found = candidates.find((one) => isPossible(one, model, batch));
  return found === undefined
    ? null
    : `--layout ${layoutText(found.layout)} --schedule ${schedule} --micro-batches ${found.microBatches}`;
}

function isPossible(...plan: Parameters<typeof checkPlan>): boolean {
  try {
    checkPlan(...plan);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Whether a schedule takes so many ranks and micro-batches. */
function isTaken(schedule: ScheduleName, pp: number, microBatches: number): boolean {
  try {
    createSchedule(schedule, pp, microBatches);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function reasonOf(schedule: ScheduleName, pp: number, microBatches: number): string {
  try {
    createSchedule(schedule, pp, microBatches);
  } catch (error) {
    if (error instanceof UserError) return error.message.replace(/^schedule: /, '').replace(/, try .*$/, '');
    throw error;
  }
  throw new Error('internal: the schedule takes these numbers');
}

/** Options that work, each as near as can be to what was asked for; in the words of the command line. */
function nearestPlan(
  { layout, schedule, microBatches }: { layout: Layout; schedule: ScheduleName; microBatches: number },
  { numHiddenLayers, nRoutedExperts }: ModelSize,
  batchSize: number,
): string {
  const nearTo = (asked: number, candidates: readonly number[]) =>
    candidates.reduce<number | undefined>(
      (best, one) => (best === undefined || Math.abs(one - asked) < Math.abs(best - asked) ? one : best),
      undefined,
    );
  const pps = countUpTo(Math.min(mostRanks, numHiddenLayers)).filter((pp) => {
    return stagesOf(schedule, pp) <= numHiddenLayers && countUpTo(2 * pp).some((count) => isTaken(schedule, pp, count));
  });
  const pp = nearTo(layout.pp, pps);
  if (pp === undefined) return '--schedule 1f1b';
  const room = Math.floor(mostRanks / pp);
  const ep = nearTo(
    layout.ep,
    countUpTo(Math.min(room, nRoutedExperts)).filter((n) => nRoutedExperts % n === 0),
  )!;
  const dp = Math.max(1, Math.min(layout.dp, Math.floor(room / ep)));
  const nearest = { pp, ep, dp };
  const most = Math.max(batchSize, microBatches, 4 * pp);
  const taken = countUpTo(most).filter((count) => isTaken(schedule, pp, count));
  const replicas = replicasOf(nearest);
  const count = nearTo(
    microBatches,
    taken.filter((n) => batchSize % (n * replicas) === 0),
  );
  const options = `--layout ${layoutText(nearest)} --schedule ${schedule}`;
  if (count !== undefined) return `${options} --micro-batches ${count}`;
  const fewest = nearTo(microBatches, taken)!;
  return `${options} --micro-batches ${fewest} --batch-size ${fewest * replicas * Math.max(1, Math.round(batchSize / fewest / replicas))}`;
}
