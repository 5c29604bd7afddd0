// What the engine's module exports: one file a kernel.

export * from './threads';
export * from './gemm';
export * from './rms-norm';
export * from './swiglu';
export * from './router';
export * from './grouped-matmul';
export * from './routed-experts';
