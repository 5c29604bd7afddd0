// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { mlaAttentionOp } from '../../ops/mla-attention.ts';
import { nowhere } from '../address.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Registers causal attention and its gradient. */
export function registerAttention(): void {
  registerEngineOp(mlaAttentionOp, {
    forward: (backend, { q, kv, kRope, documentIds }, { attrs: { scale }, sizes: { B, T, H, P, R, V } }) => {
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
    },
    gradient: (backend, { q, kv, kRope, documentIds }, { attrs: { scale }, sizes, dys, saved: { out, stats } }) => {
      const { B, T, H, P, R, V } = sizes;
      const [dq, dkv, dkRope] = [backend.output(q.shape), backend.output(kv.shape), backend.output(kRope.shape)];
      const at = backend.address;
      const documents = documentIds === undefined ? nowhere : at(documentIds);
      if (B * T * H === 0) return { q: dq, kv: dkv, kRope: dkRope };
      const length = backend.exports.attentionGradWorkspace(backend.pool.threads, B, T, H, P, R, V);
      withWorkspace(backend, [length], (workspace) => {
        const values = [at(q), at(kv), at(kRope), documents, at(out), at(stats), at(dys.out)] as const;
        const gradients = [at(dq), at(dkv), at(dkRope)] as const;
        backend.exports.mlaAttentionGrad(...values, ...gradients, workspace, B, T, H, P, R, V, scale);
      });
      return { q: dq, kv: dkv, kRope: dkRope };
    },
  });
}
