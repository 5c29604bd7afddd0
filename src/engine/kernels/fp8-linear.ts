// Linear layers of 8-bit operands, alone and after a SwiGLU.
// Shape legend: N rows, I and O input and output width.

import { fp8LinearOp } from '../../ops/fp8-linear.ts';
import { fp8SwigluLinearOp } from '../../ops/fp8-swiglu-linear.ts';
import { formatOf, type Quantizer } from '../../precision/quantize.ts';
import type { Fp8Recipe } from '../../precision/recipe.ts';
import type { Address } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { codesOf, given } from './codes.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** A format as the kernels take it. */
export function formatArguments(quantizer: Quantizer) {
  const { mantissaBits, minExponent, max } = formatOf(quantizer);
  return [mantissaBits, minExponent, max] as const;
}

/** Blocks of matrices of `rows` x `columns`, and their format. */
export function blockArguments(quantizer: Quantizer, rows: number, columns: number) {
  const tile = [Math.min(quantizer.rows, rows), Math.min(quantizer.columns, columns)] as const;
  return [...tile, ...formatArguments(quantizer)] as const;
}

/** Where an operand is, and how it is given. */
type Operand8 = readonly [at: Address, given: number];

/** Registers both with their gradients. */
export function registerFp8Linear(): void {
  registerEngineOp(fp8LinearOp, {
    forward: (backend, { x, weight }, { attrs: { weights, cached }, sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      const isCode = cached === undefined;
      const codedX = codesOf(backend, x, [N, I], isCode ? 'e4m3' : 'e5m6');
      const at = backend.address;
      withWorkspace(backend, [N * I, O * I], (...workspace) => {
        const operand: Operand8 = isCode ? [at(codedX), given.codes] : [at(x), given.numbers];
        const blocks = blockArguments(weights, O, I);
        backend.exports.fp8Linear(...operand, at(weight), at(y), ...workspace, N, I, O, ...blocks);
      });
      return { y, codedX };
    },
    gradient: (backend, { weight }, { attrs, sizes: { N, I, O }, dys, saved: { codedX } }) => {
      const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
      const at = backend.address;
      const operand: Operand8 = [at(codedX), attrs.cached === undefined ? given.codes : given.wideCodes];
      linearGradient(backend, operand, at(weight), at(dys.y), at(dx), at(dWeight), [N, I, O], attrs);
      return { x: dx, weight: dWeight };
    },
  });
  registerEngineOp(fp8SwigluLinearOp, {
    forward: (backend, { gate, up, weight }, { attrs: { weights }, sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      const [codedGate, codedUp] = [codesOf(backend, gate, [N, I], 'e4m3'), codesOf(backend, up, [N, I], 'e4m3')];
      const at = backend.address;
      withWorkspace(backend, [N * I, N * I, O * I], (active, ...workspace) => {
        backend.exports.swiglu(at(gate), at(up), active, N * I);
        const blocks = blockArguments(weights, O, I);
        backend.exports.fp8Linear(active, given.numbers, at(weight), at(y), ...workspace, N, I, O, ...blocks);
      });
      return { y, codedGate, codedUp };
    },
    gradient: (backend, { weight }, { attrs, sizes: { N, I, O }, dys, saved: { codedGate, codedUp } }) => {
      const [dGate, dUp, dWeight] = [backend.output([N, I]), backend.output([N, I]), backend.output([O, I])];
      const at = backend.address;
      withWorkspace(backend, [N * I, N * I, N * I, N * I], (gate, up, active, dActive) => {
        backend.exports.decodeRows(at(codedGate), gate, N, I, false);
        backend.exports.decodeRows(at(codedUp), up, N, I, false);
        backend.exports.swiglu(gate, up, active, N * I);
        linearGradient(backend, [active, given.numbers], at(weight), at(dys.y), dActive, at(dWeight), [N, I, O], attrs);
        backend.exports.swigluGrad(gate, up, dActive, at(dGate), at(dUp), N * I);
      });
      return { gate: dGate, up: dUp, weight: dWeight };
    },
  });
}

/** The gradients of x, given as codes or numbers, and of the weight. */
function linearGradient(
  backend: EngineBackend,
  x: Operand8,
  weight: Address,
  dy: Address,
  dx: Address,
  dWeight: Address,
  [N, I, O]: readonly [number, number, number],
  { weights, gradients }: Fp8Recipe,
): void {
  const lengths = [O * I, N * O, N * O, N * I, backend.exports.packedLength(N, O)] as const;
  withWorkspace(backend, lengths, (...workspace) => {
    const formats = [...blockArguments(weights, O, I), ...formatArguments(gradients)] as const;
    backend.exports.fp8LinearGrad(...x, weight, dy, dx, dWeight, ...workspace, N, I, O, ...formats);
  });
}
