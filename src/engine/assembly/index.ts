// What the engine's module exports: one file a kernel.

export * from './threads';
export * from './gemm';
export * from './rms-norm';
export { binary, binarySame } from './elementwise-binary';
export { unary } from './elementwise-unary';
export { reduce } from './reduce';
export { softmax } from './reduce-softmax';
export { copyRows, fill } from './move-copy';
export { transpose } from './move-transpose';
