// A matrix product in jax-js (WebAssembly, one thread under Node), for comparison with `tinyseek bench ops`. Prints null
// where @jax-js/jax is not installed, which nothing else here needs.

interface JaxArray {
  readonly ref: JaxArray;
  dispose(): void;
}

interface Jax {
  init(backend: 'wasm'): Promise<unknown>;
  defaultDevice(backend: 'wasm'): void;
  blockUntilReady(array: JaxArray): Promise<JaxArray>;
  readonly numpy: { ones(shape: readonly number[]): JaxArray; matmul(a: JaxArray, b: JaxArray): JaxArray };
}

const [m, k, n] = [960, 128, 576];
const repetitions = 15;

async function gflops({ init, defaultDevice, blockUntilReady, numpy }: Jax): Promise<number> {
  await init('wasm');
  defaultDevice('wasm');
  const [a, b] = [numpy.ones([m, k]), numpy.ones([k, n])];
  const seconds: number[] = [];
  for (let i = 0; i < 5 + repetitions; i++) {
    const start = performance.now();
    const product = await blockUntilReady(numpy.matmul(a.ref, b.ref));
    seconds.push((performance.now() - start) / 1000);
    product.dispose();
  }
  const sorted = seconds.slice(-repetitions).sort((x, y) => x - y);
  return (2 * m * k * n) / sorted[repetitions >> 1]! / 1e9;
}

const name = '@jax-js/jax';
const jax: Jax | null = await import(name).catch(() => null);
console.log(JSON.stringify(jax === null ? null : { gflops: await gflops(jax) }));
process.exit();
