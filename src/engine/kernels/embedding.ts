// GatherV2 along the first axis, and UnsortedSegmentSum, which is its gradient.

import { registerPartialKernel, sizeOf } from './register.ts';

/** Registers both; other gathers and sums stay with the cpu backend. */
export function registerEmbedding(): void {
  registerPartialKernel('GatherV2', (backend, { x, indices }, { axis, batchDims }) => {
    const { dtype } = x;
    const isRows = axis === 0 && (batchDims ?? 0) === 0 && x.shape.length > 0;
    if (!isRows || !(dtype === 'float32' || dtype === 'int32') || indices.dtype !== 'int32') return null;
    const [limit, ...rest] = x.shape as [number, ...number[]];
    const rows = sizeOf(indices.shape);
    const out = backend.output([...indices.shape, ...rest], dtype);
    const [from, index, to] = [backend.address(x), backend.address(indices), backend.address(out)];
    const wrong = backend.exports.gatherRows(from, index, to, rows, sizeOf(rest), limit);
    if (wrong < 0) return out;
    backend.disposeData(out.dataId);
    throw new Error(`gather: index ${backend.view(indices)[wrong]} is outside 0 .. ${limit - 1}`);
  });
  registerPartialKernel('UnsortedSegmentSum', (backend, { x, segmentIds }, { numSegments }) => {
    if (x.dtype !== 'float32' || segmentIds.shape.length !== 1) return null;
    const [rows] = segmentIds.shape as [number];
    const rest = x.shape.slice(1);
    const out = backend.output([numSegments, ...rest]);
    const [from, index, to] = [backend.address(x), backend.address(segmentIds), backend.address(out)];
    backend.exports.segmentSum(from, index, to, rows, sizeOf(rest), numSegments);
    return out;
  });
}
