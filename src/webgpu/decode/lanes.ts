// WGSL that the kernels of a decoder share: sums that several lanes of a workgroup make together.
//
// Every sum has one order, whatever else a pass computes. So a token gets the same bits alone and beside others.

/** How a tensor is read along its rows: four numbers at a time where rows have a multiple of four, or one. */
export interface Vector {
  readonly width: 1 | 4;
  readonly element: 'f32' | 'vec4f';
  /** WGSL of the function `times(a, b)`, their product or their dot product. */
  readonly times: string;
}

export function vectorFor(...lengths: readonly number[]): Vector {
  return lengths.every((length) => length % 4 === 0)
    ? { width: 4, element: 'vec4f', times: 'fn times(a: vec4f, b: vec4f) -> f32 { return dot(a, b); }' }
    : { width: 1, element: 'f32', times: 'fn times(a: f32, b: f32) -> f32 { return a * b; }' };
}

/** Lanes that make one sum. */
export const sharing = 8;

/** The memory that `sumsOf` needs. */
export const sumsMemory = (lanes: number): string => `var<workgroup> shares: array<f32, ${lanes}>;`;

/** What `sumsOf` makes. */
interface Sums {
  readonly lanes: number;
  /** How many sums, and of how many terms; WGSL. */
  readonly count: string;
  readonly length: string;
  /** The term `k` of sum `j`; WGSL. */
  readonly term: string;
  /** Statements that take the `total` of sum `j`. */
  readonly take: string;
}

/** Statements that make sums, eight lanes each. All lanes of the workgroup must come by. */
export const sumsOf = ({ lanes, count, length, term, take }: Sums): string => `
  for (var j0 = 0u; j0 < ${count}; j0 += ${lanes / sharing}u) {
    {
      let j = j0 + lane / ${sharing}u;
      var sum = 0.0;
      if (j < ${count}) { for (var k = lane % ${sharing}u; k < ${length}; k += ${sharing}u) { sum += ${term}; } }
      shares[lane] = sum;
    }
    workgroupBarrier();
    let j = j0 + lane;
    if (lane < ${lanes / sharing}u && j < ${count}) {
      var total = 0.0;
      for (var share = 0u; share < ${sharing}u; share++) { total += shares[lane * ${sharing}u + share]; }
      ${take}
    }
    workgroupBarrier();
  }`;
