// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import type { tf } from '../../tensor/tf.ts';
import { registerEngineKernel, withWorkspace } from './register.ts';

/** Sizes of q [B, T, H, P+R], kv [B, T, H, P+V] and kRope [B, T, R]. */
function sizesOf(q: tf.TensorInfo, kv: tf.TensorInfo, kRope: tf.TensorInfo) {
  const [B, T, H, qWidth] = q.shape as [number, number, number, number];
  const R = kRope.shape[2]!;
  const P = qWidth - R;
  return { B, T, H, P, R, V: kv.shape[3]! - P };
}

/**
 * Registers causal attention and its gradient.
 *
 * Saved are the output, under a second name, and for each query the largest score and 1 / the sum of the exponentials of the
 * scores less that: [B, H, T, 2].
 */
export function registerAttention(): void {
  registerEngineKernel('MlaAttention', (backend, { q, kv, kRope, documentIds }, attrs) => {
    const { B, T, H, P, R, V } = sizesOf(q!, kv!, kRope!);
    const [out, stats] = [backend.output([B, T, H * V]), backend.output([B, H, T, 2])];
    const at = backend.address;
    const documents = documentIds === undefined ? 0 : at(documentIds);
    if (B * T * H === 0) return [out, backend.output(out.shape), stats];
    const bytes = backend.pool.threads * (backend.exports.attentionWorkspace!(T, P, R, V) >>> 0);
    withWorkspace(backend, [bytes / 4], ([workspace]) => {
      const addresses = [at(q!), at(kv!), at(kRope!), documents, at(out), at(stats), workspace!];
      backend.exports.mlaAttention!(...addresses, B, T, H, P, R, V, Number(attrs.scale));
    });
    backend.incRef(out.dataId);
    return [out, { ...out }, stats];
  });
  registerEngineKernel('MlaAttentionGrad', (backend, inputs, attrs) => {
    const { q, kv, kRope, documentIds, dy0, saved0: out, saved1: stats } = inputs;
    const { B, T, H, P, R, V } = sizesOf(q!, kv!, kRope!);
    const [dq, dkv, dkRope] = [backend.output(q!.shape), backend.output(kv!.shape), backend.output(kRope!.shape)];
    const at = backend.address;
    const documents = documentIds === undefined ? 0 : at(documentIds);
    if (B * T * H === 0) return [dq, dkv, dkRope];
    const bytes = backend.exports.attentionGradWorkspace!(backend.pool.threads, B, T, H, P, R, V) >>> 0;
    withWorkspace(backend, [bytes / 4], ([workspace]) => {
      const values = [at(q!), at(kv!), at(kRope!), documents, at(out!), at(stats!), at(dy0!)];
      const gradients = [at(dq), at(dkv), at(dkRope)];
      backend.exports.mlaAttentionGrad!(...values, ...gradients, workspace!, B, T, H, P, R, V, Number(attrs.scale));
    });
    return [dq, dkv, dkRope];
  });
}
