// GatherV2 along the first axis, and UnsortedSegmentSum, which is its gradient.

import { cpuKernel, type EngineKernel, registerEngineKernel, sizeOf } from './register.ts';

/** Registers both; other gathers and sums stay with the cpu backend. */
export function registerEmbedding(): void {
  const cpuGather = cpuKernel('GatherV2');
  const gather: EngineKernel = (backend, inputs, attrs) => {
    const [x, indices] = [inputs.x!, inputs.indices!];
    const isRows = Number(attrs.axis) === 0 && Number(attrs.batchDims ?? 0) === 0 && x.shape.length > 0;
    const isNumeric = (x.dtype === 'float32' || x.dtype === 'int32') && indices.dtype === 'int32';
    if (!isRows || !isNumeric) return cpuGather(backend, inputs, attrs);
    const [limit, ...rest] = x.shape as [number, ...number[]];
    const rows = sizeOf(indices.shape);
    const out = backend.output([...indices.shape, ...rest], x.dtype as 'float32' | 'int32');
    const [from, index, to] = [backend.address(x), backend.address(indices), backend.address(out)];
    const wrong = backend.exports.gatherRows!(from, index, to, rows, sizeOf(rest), limit);
    if (wrong < 0) return out;
    backend.disposeData(out.dataId);
    throw new Error(`gather: index ${backend.view(indices)[wrong]} is outside 0 .. ${limit - 1}`);
  };
  const cpuSum = cpuKernel('UnsortedSegmentSum');
  const segmentSum: EngineKernel = (backend, inputs, attrs) => {
    const [x, ids] = [inputs.x!, inputs.segmentIds!];
    if (x.dtype !== 'float32' || ids.shape.length !== 1) return cpuSum(backend, inputs, attrs);
    const [segments, rest] = [Number(attrs.numSegments), x.shape.slice(1)];
    const out = backend.output([segments, ...rest]);
    const [from, index, to] = [backend.address(x), backend.address(ids), backend.address(out)];
    backend.exports.segmentSum!(from, index, to, ids.shape[0]!, sizeOf(rest), segments);
    return out;
  };
  registerEngineKernel('GatherV2', gather);
  registerEngineKernel('UnsortedSegmentSum', segmentSum);
}
