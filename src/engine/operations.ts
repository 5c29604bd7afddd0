// Operations that TypeScript passes to the engine's module as numbers: their places in these lists, under TF.js's
// names. The build makes enumerations of AssemblyScript of them (tools/engine/operations-source.ts).

/** Operations on two float32 tensors. */
export const binaryOps = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference'] as const;

/** Operations on one float32 tensor. */
export const unaryOps = [
  'Neg',
  'Square',
  'Sqrt',
  'Rsqrt',
  'Exp',
  'Sigmoid',
  'Reciprocal',
  'Abs',
  'Relu',
  'Step',
  'Log',
  'Softplus',
] as const;

/** Reductions over neighbouring axes. */
export const reduceOps = ['Sum', 'Max'] as const;

/** Activations after a matrix product. */
export const activations = ['linear', 'relu', 'sigmoid'] as const;
