// UnsortedSegmentSum, the gradient of an embedding. TF.js adds with atomic operations, in whatever order the workgroups
// run, so that its sums differ from time to time.
// Shape legend: M rows, S segments, D channels.

import { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { maxOverLanes } from './reduce.ts';
import { backendName } from './register.ts';

const lanes = 64;

const clear: Program = {
  name: 'Clear',
  tensors: { y: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { y[i] = 0.0; }`,
};

/** The workgroup of a segment's first row adds all its rows, in order; those of other rows have nothing to do. */
const segmentSum: Program = {
  name: 'UnsortedSegmentSum',
  tensors: { x: 'f32', ids: 'i32', y: 'f32' },
  numbers: { M: 'u32', S: 'u32', D: 'u32' },
  workgroupSize: lanes,
  declarations: maxOverLanes(lanes),
  code: `  let id = ids[group];
  var isLater = 0.0;
  for (var row = lane; row < group; row += ${lanes}u) { if (ids[row] == id) { isLater = 1.0; } }
  if (maxOverLanes(isLater, lane) > 0.0) { return; }
  if (id < 0 || u32(id) >= u.S) { return; }
  for (var column = lane; column < u.D; column += ${lanes}u) {
    var sum = 0.0;
    for (var row = group; row < u.M; row++) { if (ids[row] == id) { sum += x[row * u.D + column]; } }
    y[u32(id) * u.D + column] = sum;
  }`,
};

/** Registers it in the place of TF.js's. */
export function registerEmbedding(): void {
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const gpu = backend as WebGpuBackend;
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const S = Number(attrs?.numSegments);
      const rest = x.shape.slice(segmentIds.shape.length);
      const [M, D] = [tf.util.sizeFromShape(segmentIds.shape), tf.util.sizeFromShape(rest)];
      const y = gpu.output([S, ...rest]);
      gpu.run(clear, { y }, { size: S * D }, Math.ceil((S * D) / 256));
      gpu.run(segmentSum, { x, ids: segmentIds, y }, { M, S, D }, M);
      return y;
    },
  });
}
