// BatchMatMul and _FusedMatMul.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { cpuKernel, type EngineKernel, registerEngineKernel, sizeOf } from './register.ts';

const activations: Readonly<Record<string, number>> = { linear: 0, relu: 1, sigmoid: 2 };

interface Epilogue {
  readonly bias: tf.TensorInfo | undefined;
  readonly activation: number;
}

/**
 * a [..., m, k] times b [..., k, n] (last two axes swapped where transposed); null for batch shapes that are neither
 * equal nor 1.
 */
function multiply(
  backend: EngineBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
  { bias, activation }: Epilogue,
): tf.TensorInfo | null {
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const [sizeA, sizeB] = [sizeOf(batchA), sizeOf(batchB)];
  if (sizeA !== 1 && sizeB !== 1 && batchA.join() !== batchB.join()) return null;
  const [m, k] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [inner, n] = transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (k !== inner)
    throw new Error(`matMul: inner dimensions ${k} and ${inner} of [${a.shape}] and [${b.shape}] differ`);
  const batchShape = sizeA === 1 && sizeB !== 1 ? batchB : sizeB === 1 && sizeA !== 1 ? batchA : longer(batchA, batchB);
  const out = backend.output([...batchShape, m, n]);
  const batch = Math.max(sizeA, sizeB);
  if (batch * m * n === 0 || sizeA * sizeB === 0) return out;
  backend.exports.gemm!(
    backend.address(a),
    backend.address(b),
    backend.address(out),
    batch,
    m,
    n,
    k,
    Number(transposeA),
    Number(transposeB),
    sizeA === 1 ? 0 : m * k,
    sizeB === 1 ? 0 : k * n,
    0,
    bias === undefined ? 0 : backend.address(bias),
    activation,
  );
  return out;
}

const longer = (a: number[], b: number[]) => (a.length >= b.length ? a : b);

/** Registers the matrix products. */
export function registerMatMul(): void {
  const cpuMatMul = cpuKernel('BatchMatMul');
  const cpuFused = cpuKernel('_FusedMatMul');
  const noEpilogue = { bias: undefined, activation: 0 };
  const matMul: EngineKernel = (backend, inputs, attrs) => {
    const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
    return (
      multiply(backend, inputs.a!, inputs.b!, transposeA, transposeB, noEpilogue) ?? cpuMatMul(backend, inputs, attrs)
    );
  };
  const fused: EngineKernel = (backend, inputs, attrs) => {
    const { a, b, bias, preluActivationWeights } = inputs;
    const activation = activations[String(attrs.activation ?? 'linear')];
    const rowBias = bias === undefined || (bias.shape.length === 1 && bias.shape[0] !== 1);
    if (activation === undefined || !rowBias || preluActivationWeights != null) return cpuFused(backend, inputs, attrs);
    const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
    return multiply(backend, a!, b!, transposeA, transposeB, { bias, activation }) ?? cpuFused(backend, inputs, attrs);
  };
  registerEngineKernel('BatchMatMul', matMul);
  registerEngineKernel('_FusedMatMul', fused);
}
