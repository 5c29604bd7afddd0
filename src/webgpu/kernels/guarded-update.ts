// Updates that the GPU makes only where the numbers of the step are finite.
// Shape legend: L layers, E experts.

import { guardedAdamwOp, guardedBiasOp, guardedEmaOp, updateGuardOp, type BiasRule } from '../../ops/guarded-update.ts';
import { blockLanes, type ListItem, type ListProgram, runList } from '../lists.ts';
import type { Program } from '../program.ts';
import { placeFrom, runAdamw, runEma } from './optimizer.ts';
import { sumOverLanes } from './reduce.ts';
import { registerGpuListOp } from './register.ts';

/** The bits are tested, because a compiler may take it for granted that no number is NaN. */
const guard: Program = {
  name: 'UpdateGuard',
  tensors: { norm: 'f32', report: 'f32', held: 'f32', scale: 'f32' },
  numbers: { maxNorm: 'f32' },
  workgroupSize: 1,
  declarations: `
fn isFinite(value: f32) -> bool { return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u; }`,
  code: `  if (!isFinite(norm[0]) || !isFinite(report[0])) { held[0] = 1.0; }
  var factor = 1.0;
  if (u.maxNorm > 0.0) { factor = min(u.maxNorm / (norm[0] + 1e-6), 1.0); }
  scale[0] = select(factor, -1.0, held[0] != 0.0);`,
};

/**
 * A workgroup for each layer, or for each block of a layer with very many experts. Counts are whole numbers, so an
 * expert is compared with the mean without rounding: mean = whole + rest / E.
 */
const moveBias = ({ rule, form, recenter }: BiasRule): ListProgram => ({
  name: `ExpertBiasUpdate ${rule} ${form} ${recenter}`,
  item: { bias: 'block', own: 'block', counts: 'whole', scale: 'whole' },
  numbers: { E: 'u32', speed: 'f32' },
  declarations: `${sumOverLanes(blockLanes)}
fn errorOf(count: f32, total: u32, E: u32) -> f32 {
  let whole = total / E; let rest = total % E; let n = u32(count);
  ${
    rule === 'sign'
      ? 'if (n == whole) { return select(0.0, 1.0, rest > 0u); }\n  return select(1.0, -1.0, n > whole);'
      : `if (total == 0u) { return 0.0; }
  return (f32(E) * (f32(whole) - count) + f32(rest)) / f32(total);`
  }
}`,
  code: `  var part = 0.0;
  for (var e = lane; e < u.E; e += ${blockLanes}u) { part += get_counts(e); }
  let total = u32(sumOverLanes(part, lane));
  var drift = 0.0;
  ${
    recenter
      ? `for (var e = lane; e < u.E; e += ${blockLanes}u) { drift += errorOf(get_counts(e), total, u.E); }
  drift = sumOverLanes(drift, lane) / f32(u.E);`
      : ''
  }
  if (get_scale(0u) < 0.0) { return; }
  for (var i = lane; i < length; i += ${blockLanes}u) {
    let change = u.speed * (errorOf(get_own(i), total, u.E) - drift);
    set_bias(i, ${form === 'additive' ? 'get_bias(i) + change' : 'get_bias(i) * (1.0 + change)'});
  }`,
});

/** Registers the guard and the updates that it holds back. */
export function registerGuardedUpdate(): void {
  registerGpuListOp(updateGuardOp, (backend, { norm, report, held }, _, { maxNorm }) => {
    const scale = backend.output([]);
    backend.run(guard, { norm, report, held, scale }, { maxNorm }, 1);
    return { scale };
  });
  registerGpuListOp(guardedAdamwOp, (backend, shared, items, { decayed }) => {
    runAdamw(backend, items, shared, decayed);
    return {};
  });
  registerGpuListOp(guardedEmaOp, (backend, { scale }, items, { rest }) => {
    runEma(backend, items, scale, rest);
    return {};
  });
  registerGpuListOp(guardedBiasOp, (backend, { scale, counts }, items, rule) => {
    const [scaleAt, countsAt] = [backend.placeOf(scale), backend.placeOf(counts)];
    const E = counts.shape[1];
    const list = items.map(({ bias }, layer): ListItem => {
      const own = placeFrom(countsAt, layer * E);
      return { places: [backend.placeOf(bias), own, own, scaleAt] };
    });
    runList(backend, moveBias(rule), list, { E, speed: rule.speed });
    return {};
  });
}
