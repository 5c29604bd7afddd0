// What the browser test loads, bundled: starts the engine, multiplies, and reports to the server of the test.

import { startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/tensor/tf.ts';

declare const crossOriginIsolated: boolean;

/** What a page found out. */
export interface PageReport {
  readonly isolated?: boolean;
  readonly threads?: number;
  readonly variant?: string;
  /** Largest error of a product, as a share of the sum of its terms. */
  readonly worst?: number;
  /** The same product again, with other numbers of threads: whether it has the same bits. */
  readonly sameBits?: boolean;
  readonly warnings?: readonly string[];
  readonly error?: string;
}

const [m, k, n] = [211, 307, 197];
const valueAt = (i: number) => ((i * 7919) % 1009) / 512 - 1;

function multiply(): Float32Array {
  const product = tf.tidy(() => {
    const a = tf.tensor2d(
      Float32Array.from({ length: m * k }, (_, i) => valueAt(i)),
      [m, k],
    );
    const b = tf.tensor2d(
      Float32Array.from({ length: k * n }, (_, i) => valueAt(i + 5)),
      [k, n],
    );
    return tf.matMul(a, b);
  });
  const values = product.dataSync<'float32'>();
  product.dispose();
  return values;
}

function worstError(product: Float32Array): number {
  let worst = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let [sum, size] = [0, 0];
      for (let p = 0; p < k; p++) {
        const term = Math.fround(valueAt(i * k + p)) * Math.fround(valueAt(p * n + j + 5));
        sum += term;
        size += Math.abs(term);
      }
      const error = Math.abs(product[i * n + j]! - sum) / size;
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

async function inspect(): Promise<PageReport> {
  const warnings: string[] = [];
  console.warn = (...text: unknown[]) => void warnings.push(text.join(' '));
  const backend = await startEngine({ threads: 3, variant: null, memoryLimit: null });
  await tf.setBackend('engine');
  const { threads } = backend.pool;
  while (backend.pool.ready < threads) await new Promise((resolve) => setTimeout(resolve, 5));
  const first = multiply();
  let sameBits = true;
  for (const count of [2, 1, 4]) {
    await startEngine({ threads: count, variant: null, memoryLimit: null });
    while (backend.pool.ready < backend.pool.threads) await new Promise((resolve) => setTimeout(resolve, 5));
    sameBits &&= multiply().every((value, i) => value === first[i]);
  }
  return {
    isolated: crossOriginIsolated,
    threads,
    variant: backend.variant.name,
    worst: worstError(first),
    sameBits,
    warnings,
  };
}

const report = await inspect().catch((error: unknown) => ({ error: String(error) }));
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
