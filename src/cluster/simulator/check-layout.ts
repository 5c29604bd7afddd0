// Whether a model can be cut as a layout says.

import type { ModelConfig } from '../../config/model-config.ts';
import { UserError } from '../../errors.ts';
import { type Layout, layoutText } from '../layout.ts';
import { range } from '../schedule/range.ts';
import { type ScheduleName, stagesOf } from '../schedule/schedules.ts';
import type { Hardware } from './hardware.ts';

/** @throws {UserError} with the nearest layout that works */
export function checkLayout(model: ModelConfig, layout: Layout, schedule: ScheduleName, hardware: Hardware): void {
  const { pp } = layout;
  const layers = model.numHiddenLayers;
  const stages = stagesOf(schedule, pp);
  if (stages > layers) {
    const most = Math.max(1, Math.floor((pp * layers) / stages));
    const even = schedule === 'dualpipe' ? Math.max(2, most - (most % 2)) : most;
    refuse(`${schedule} cuts the model into ${stages} stages, and it has ${layers} layers`, { ...layout, pp: even });
  }
  checkExperts(model, layout, hardware);
}

/** @throws {UserError} if the experts cannot be shared out, with the nearest layout in which they can */
export function checkExperts({ nRoutedExperts: experts }: ModelConfig, layout: Layout, hardware: Hardware): void {
  const { ep } = layout;
  const fits = (ranks: number) =>
    experts % ranks === 0 && (ranks % hardware.gpusPerNode === 0 || hardware.gpusPerNode % ranks === 0);
  if (fits(ep)) return;
  const nearest = range(experts)
    .map((index) => index + 1)
    .filter(fits)
    .reduce((best, one) => (Math.abs(one - ep) < Math.abs(best - ep) ? one : best));
  const rule = `ranks that share ${experts} experts evenly and fill nodes of ${hardware.gpusPerNode} GPUs, or a part of one`;
  refuse(`ep=${ep} does not fit: expected ${rule}`, { ...layout, ep: nearest });
}

function refuse(problem: string, nearest: Layout): never {
  throw new UserError(`layout: ${problem}; try ${layoutText(nearest)}`);
}
