// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { cachedMlaAttentionOp } from '../../ops/cached-mla-attention.ts';
import type { Operand, Operands, SizesOf } from '../../ops/define-op.ts';
import { mlaAttentionOp } from '../../ops/mla-attention.ts';
import { type Address, nowhere } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { codesOf } from './codes.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

type Inputs = Operands<(typeof mlaAttentionOp)['spec']['inputs']>;
type Sizes = SizesOf<(typeof mlaAttentionOp)['spec']>;

/** Registers causal attention and its gradient, which reads the output as it is or in E5M6. */
export function registerAttention(): void {
  registerEngineOp(mlaAttentionOp, {
    forward: (backend, inputs, { attrs: { scale }, sizes }) => attend(backend, inputs, sizes, scale),
    gradient: (backend, inputs, { attrs: { scale }, sizes, dys, saved: { out, stats } }) =>
      differentiate(backend, inputs, sizes, scale, { out: backend.address(out), stats, dOut: dys.out }),
  });
  registerEngineOp(cachedMlaAttentionOp, {
    forward: (backend, inputs, { attrs: { scale }, sizes }) => {
      const { B, T, H, V } = sizes;
      const made = attend(backend, inputs, sizes, scale);
      return { ...made, codedOut: codesOf(backend, made.out, [B * T, H * V], 'e5m6') };
    },
    gradient: (backend, inputs, { attrs: { scale }, sizes, dys, saved: { codedOut, stats } }) => {
      const { B, T, H, V } = sizes;
      return withWorkspace(backend, [B * T * H * V], (out) => {
        backend.exports.decodeRows(backend.address(codedOut), out, B * T, H * V, true);
        return differentiate(backend, inputs, sizes, scale, { out, stats, dOut: dys.out });
      });
    },
  });
}

function attend(
  backend: EngineBackend,
  { q, kv, kRope, documentIds }: Inputs,
  { B, T, H, P, R, V }: Sizes,
  scale: number,
) {
  const [out, stats] = [backend.output([B, T, H * V]), backend.output([B, H, T, 2])];
  const at = backend.address;
  const documents = documentIds === undefined ? nowhere : at(documentIds);
  if (B * T * H === 0) return { out, stats };
  const length = backend.pool.threads * backend.exports.attentionWorkspace(T, P, R, V);
  withWorkspace(backend, [length], (workspace) => {
    const inputs = [at(q), at(kv), at(kRope), documents] as const;
    backend.exports.mlaAttention(...inputs, at(out), at(stats), workspace, B, T, H, P, R, V, scale);
  });
  return { out, stats };
}

/** What the gradient reads beside the inputs. */
interface Saved {
  readonly out: Address;
  readonly stats: Operand;
  readonly dOut: Operand;
}

function differentiate(
  backend: EngineBackend,
  { q, kv, kRope, documentIds }: Inputs,
  { B, T, H, P, R, V }: Sizes,
  scale: number,
  { out, stats, dOut }: Saved,
) {
  const [dq, dkv, dkRope] = [backend.output(q.shape), backend.output(kv.shape), backend.output(kRope.shape)];
  const at = backend.address;
  const documents = documentIds === undefined ? nowhere : at(documentIds);
  if (B * T * H === 0) return { q: dq, kv: dkv, kRope: dkRope };
  const length = backend.exports.attentionGradWorkspace(backend.pool.threads, B, T, H, P, R, V);
  withWorkspace(backend, [length], (workspace) => {
    const values = [at(q), at(kv), at(kRope), documents, out, at(stats), at(dOut)] as const;
    const gradients = [at(dq), at(dkv), at(dkRope)] as const;
    backend.exports.mlaAttentionGrad(...values, ...gradients, workspace, B, T, H, P, R, V, scale);
  });
  return { q: dq, kv: dkv, kRope: dkRope };
}
