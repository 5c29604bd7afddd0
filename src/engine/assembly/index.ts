// What the engine's module exports: one file a kernel.

export * from './threads';
export * from './gemm';
export * from './rms-norm';
export * from './cross-entropy';
export * from './embedding';
export * from './optimizer';
