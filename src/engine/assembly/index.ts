// What the engine's module exports: one file a kernel.

export * from './threads';
export { gemm } from './gemm';
export { linearGrad } from './linear';
export * from './attention';
export * from './attention-grad';
export * from './rms-norm';
export * from './swiglu';
export * from './router';
export * from './gate-weights';
export * from './grouped-matmul';
export * from './expert-plan';
export * from './routed-experts';
export * from './routed-experts-grad';
export * from './quantize';
export * from './rotary';
export { binary, binarySame } from './elementwise-binary';
export { equalWords, truthAsFloat } from './truth';
export { unary } from './elementwise-unary';
export { reduce } from './reduce';
export { softmax } from './reduce-softmax';
export { describeRows } from './strided-rows';
export { copyRows, copyWords, fill } from './move-copy';
export { transpose } from './move-transpose';
export * from './cross-entropy';
export * from './embedding';
export * from './optimizer';
export * from './balance-loss';
