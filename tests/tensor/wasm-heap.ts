// What the wasm backend holds, below what tf.memory() counts.

import { tf } from '../../src/tensor/tf.ts';

interface WasmInternals {
  readonly wasm: { readonly HEAPU8: Uint8Array };
  numDataIds(): number;
}

const isWasm = (backend: object): backend is WasmInternals => 'wasm' in backend;

/** Size of the wasm heap, 0 on other backends. It never shrinks: leaked or unfreed memory makes it grow. */
export function wasmHeapBytes(): number {
  const backend = tf.backend();
  return isWasm(backend) ? backend.wasm.HEAPU8.buffer.byteLength : 0;
}

/** Tensors in the wasm backend's own table, views that kernels make included. */
export function wasmDataIds(): number {
  const backend = tf.backend();
  return isWasm(backend) ? backend.numDataIds() : 0;
}
