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
  declarations: `${maxOverLanes(lanes)}\nvar<workgroup> isOurs: array<u32, ${lanes}>;\nvar<workgroup> verdict: u32;`,
  code: `  let id = ids[group];
  var isLater = 0.0;
  for (var row = lane; row < group; row += ${lanes}u) { if (ids[row] == id) { isLater = 1.0; } }
  let later = maxOverLanes(isLater, lane);
  if (lane == 0u) { verdict = select(0u, 1u, later > 0.0 || id < 0 || u32(id) >= u.S); }
  if (workgroupUniformLoad(&verdict) == 1u) { return; }
  for (var first = 0u; first < u.D; first += ${lanes}u) {
    let column = first + lane;
    var sum = 0.0;
    for (var block = (group / ${lanes}u) * ${lanes}u; block < u.M; block += ${lanes}u) {
      let own = block + lane;
      workgroupBarrier();
      isOurs[lane] = select(0u, 1u, own >= group && own < u.M && ids[min(own, u.M - 1u)] == id);
      workgroupBarrier();
      for (var i = 0u; i < ${lanes}u; i++) {
        if (isOurs[i] == 1u && column < u.D) { sum += x[(block + i) * u.D + column]; }
      }
    }
    if (column < u.D) { y[u32(id) * u.D + column] = sum; }
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
