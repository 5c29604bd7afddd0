// The kernels of TF.js itself that the engine has a way of its own to compute, with the types that TF.js gives them.

import type { tf } from '../../tensor/tf.ts';

interface Kernel<Inputs, Attrs = object> {
  /** In TF.js's types any input may be absent. */
  readonly inputs: { readonly [K in keyof Inputs]-?: tf.TensorInfo };
  readonly attrs: Readonly<Attrs>;
}

type Unary = Kernel<tf.UnaryInputs>;
type Binary = Kernel<tf.BinaryInputs>;

/** On a list of tensors. */
interface OnList<Attrs = object> {
  readonly inputs: readonly tf.TensorInfo[];
  readonly attrs: Readonly<Attrs>;
}

/** Inputs and attributes by the name of the kernel. */
export interface StandardKernels {
  readonly Abs: Unary;
  readonly Add: Binary;
  readonly AddN: OnList;
  readonly BatchMatMul: Kernel<tf.BatchMatMulInputs, tf.BatchMatMulAttrs>;
  readonly Cast: Kernel<tf.CastInputs, tf.CastAttrs>;
  readonly Concat: OnList<tf.ConcatAttrs>;
  readonly Equal: Binary;
  readonly Exp: Unary;
  readonly Fill: Kernel<Record<never, never>, Omit<tf.FillAttrs, 'dtype'> & Partial<Pick<tf.FillAttrs, 'dtype'>>>;
  readonly GatherV2: Kernel<tf.GatherV2Inputs, tf.GatherV2Attrs>;
  readonly Log: Unary;
  readonly Max: Kernel<tf.MaxInputs, tf.MaxAttrs>;
  readonly Maximum: Binary;
  readonly Mean: Kernel<tf.MeanInputs, tf.MeanAttrs>;
  readonly Minimum: Binary;
  readonly Multiply: Binary;
  readonly Neg: Unary;
  readonly OneHot: Kernel<tf.OneHotInputs, tf.OneHotAttrs>;
  readonly OnesLike: Unary;
  readonly Pack: OnList<tf.PackAttrs>;
  readonly PadV2: Kernel<tf.PadV2Inputs, tf.PadV2Attrs>;
  readonly RealDiv: Binary;
  readonly Reciprocal: Unary;
  readonly Relu: Unary;
  readonly Rsqrt: Unary;
  readonly Sigmoid: Unary;
  readonly Slice: Kernel<tf.SliceInputs, tf.SliceAttrs>;
  readonly Softmax: Kernel<tf.SoftmaxInputs, tf.SoftmaxAttrs>;
  readonly Softplus: Unary;
  readonly SplitV: Kernel<tf.SplitVInputs, tf.SplitVAttrs>;
  readonly Sqrt: Unary;
  readonly Square: Unary;
  readonly SquaredDifference: Binary;
  readonly Step: Kernel<tf.StepInputs, tf.StepAttrs>;
  readonly Sub: Binary;
  readonly Sum: Kernel<tf.SumInputs, tf.SumAttrs>;
  readonly Tile: Kernel<tf.TileInputs, tf.TileAttrs>;
  readonly Transpose: Kernel<tf.TransposeInputs, tf.TransposeAttrs>;
  readonly Unpack: Kernel<tf.UnpackInputs, tf.UnpackAttrs>;
  readonly UnsortedSegmentSum: Kernel<tf.UnsortedSegmentSumInputs, tf.UnsortedSegmentSumAttrs>;
  readonly ZerosLike: Unary;
  readonly _FusedMatMul: {
    readonly inputs: { readonly a: tf.TensorInfo; readonly b: tf.TensorInfo; readonly bias?: tf.TensorInfo };
    readonly attrs: Readonly<tf._FusedMatMulAttrs>;
  };
}
