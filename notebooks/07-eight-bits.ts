// %% [markdown]
// # 7. Eight bits: tiles, blocks, accumulators
//
// *About 15 minutes. It runs in about a minute.*
//
// Nearly all the work of training is products of matrices. DeepSeek-V3 does them with numbers of 8 bits. In theory, a
// graphics card (GPU) multiplies them twice as fast as numbers of 16 bits, and what has to be kept of them takes half
// of the memory. But 8 bits are only 256 different numbers. This lesson finds out what goes wrong with so few, and how
// the report gets away with it.
//
// You will
//
// 1. look at all numbers that there are, in two formats;
// 2. spoil a matrix with a single large row, and save it with *tiles*;
// 3. watch a sum stand still because its accumulator has too few bits;
// 4. train a model in 8 bits, and compare it with float32.
//
// The source is section 3.3 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), with its
// figures 6 and 7. All 8-bit numbers of this lesson are emulated bit by bit. This shows what they do to values, and not
// how fast they are.

// %%
import {
  createRandom,
  decodeFloat,
  display,
  e4m3,
  e5m2,
  emulatedDot,
  encodeFloat,
  memoryStore,
  modelPreset,
  quantizeDequantize,
  roundTo,
  type SmallFloat,
  train,
  trainPreset,
} from 'tinyseek';

/** The bits of a number: its sign, its exponent, its mantissa. */
function bitsOf(x: number, format: SmallFloat): string {
  const bits = encodeFloat(x, format).toString(2).padStart(8, '0');
  return `${bits[0]} ${bits.slice(1, 1 + format.exponentBits)} ${bits.slice(1 + format.exponentBits)}`;
}

for (const x of [1, 1.125, 2, 0.1, -300]) {
  console.log(`${String(x).padStart(5)} in E4M3: ${bitsOf(x, e4m3)}, which is ${roundTo(x, e4m3)}`);
}

// %% [markdown]
// ## All numbers that there are
//
// A floating-point number is a sign, an **exponent** and a **mantissa**. The exponent says between which two powers of
// two the number lies; the mantissa says where between them. **E4M3** has 4 bits for the exponent and 3 for the
// mantissa, so there are 8 numbers from 1 to 2, 8 from 2 to 4, and so on. **E5M2** has one bit more for the exponent
// and one less for the mantissa: 4 numbers from 1 to 2, but many more powers of two.
//
// **Before you go on, guess:** a number is rounded to the nearest one that there is. Which of the two formats makes the
// smaller error at 1.1? And which one can still tell 0.0001 from 0?

// %%
/** All finite numbers of a format from 0 on. */
const numbersOf = (format: SmallFloat) =>
  Array.from({ length: 128 }, (_, code) => decodeFloat(code, format)).filter(Number.isFinite);
for (const format of [e4m3, e5m2]) {
  const numbers = numbersOf(format);
  const from1To2 = numbers.filter((x) => x >= 1 && x < 2);
  console.log(
    `${format.name}: ${numbers.length} numbers from 0 to ${numbers.at(-1)}, the smallest above 0 is ${numbers[1]}`,
  );
  console.log(`  from 1 to 2: ${from1To2.join(' ')}`);
  console.log(`  1.1 becomes ${roundTo(1.1, format)}, and 0.0001 becomes ${roundTo(0.0001, format)}`);
}

/** The largest error of a number from 2^power to 2^(power + 1), relative to it, in per cent. */
function worstError(power: number, format: SmallFloat): number {
  const errors = Array.from({ length: 256 }, (_, i) => {
    const x = 2 ** power * (1 + (i + 0.5) / 256);
    return (100 * Math.abs(roundTo(x, format) - x)) / x;
  });
  return Math.max(...errors);
}
const powers = Array.from({ length: 38 }, (_, i) => i - 20);
await display({
  kind: 'lines',
  title: 'Largest error of rounding, by the size of the number',
  x: 'number (power of two)',
  y: 'per cent',
  isLogarithmic: true,
  series: {
    E4M3: powers.map((power) => [power, worstError(power, e4m3)] as const),
    E5M2: powers.map((power) => [power, worstError(power, e5m2)] as const),
  },
});

// %% [markdown]
// In the middle, E4M3 is off by about 6 per cent at worst, and E5M2 by about twice as much. That is the mantissa. At
// both ends E4M3 gives up first: numbers above 448 become 448, and small ones become 0. That is the exponent.
//
// Earlier work took E4M3 for weights and activations, and E5M2 for gradients, which vary more in size. The report takes
// E4M3 for everything ("mantissa over exponents"). To afford that, it has to keep all numbers in the middle of the
// picture.
//
// ## Scales, and one bad row
//
// The first thing to do is to divide. A matrix is divided by a **scale**, so that its largest number becomes 448. It is
// rounded, multiplied in 8 bits, and the result is multiplied by the scale again. Everybody does this. The question is
// how many numbers share a scale.
//
// * **Per tensor**: one scale for the whole matrix.
// * **Tiles of 1 x 128**: one for 128 of the numbers of a token, which are called its channels. The report does this
//   with activations, which is what flows from layer to layer.
// * **Blocks of 128 x 128**: the report does this with weights.
//
// Now the trouble: models have *outliers*, single tokens or channels whose numbers are far larger than all others. Here
// is a matrix of ordinary random numbers, 256 tokens of 512 channels. One token is multiplied by some factor, and we
// look at the error of the **other** tokens.
//
// **Guess:** from which factor on do the other tokens suffer when all share one scale: 10, 1,000 or 100,000?

// %%
const [tokens, channels, outlier] = [256, 512, 10];
const random = createRandom(7);
/** A number with a normal distribution, by the method of Box and Muller. */
const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
const matrix = Float32Array.from({ length: tokens * channels }, normal);
const ways = {
  'E4M3 per tensor': { format: 'e4m3', rows: Infinity, columns: Infinity },
  'E4M3 blocks': { format: 'e4m3', rows: 128, columns: 128 },
  'E4M3 tiles': { format: 'e4m3', rows: 1, columns: 128 },
  'E5M2 per tensor': { format: 'e5m2', rows: Infinity, columns: Infinity },
} as const;

/** The error of all tokens but the outlier, in per cent: root mean square of what changed, over that of the numbers. */
function errorOfOthers(factor: number, way: (typeof ways)[keyof typeof ways]): number {
  const isOutlier = (i: number) => Math.floor(i / channels) === outlier;
  const spoiled = matrix.map((x, i) => (isOutlier(i) ? factor * x : x));
  const rounded = quantizeDequantize(spoiled, channels, way);
  let [errors, squares] = [0, 0];
  for (const [i, x] of spoiled.entries()) {
    if (isOutlier(i)) continue;
    errors += (rounded[i]! - x) ** 2;
    squares += x ** 2;
  }
  return 100 * Math.sqrt(errors / squares);
}

const factors = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];
const errors = Object.entries(ways).map(([name, way]) => [name, factors.map((f) => errorOfOthers(f, way))] as const);
console.log(`${'factor'.padEnd(16)}${factors.map((factor) => String(factor).padStart(9)).join('')}`);
for (const [name, row] of errors) {
  console.log(`${name.padEnd(16)}${row.map((error) => `${error.toFixed(1)} %`.padStart(9)).join('')}`);
}
await display({
  kind: 'lines',
  title: 'What one large token does to the others',
  x: 'factor (power of ten)',
  y: 'error of the other tokens, per cent',
  isLogarithmic: true,
  series: Object.fromEntries(
    errors.map(([name, row]) => [name, row.map((error, i) => [Math.log10(factors[i]!), error] as const)]),
  ),
});

// %% [markdown]
// Two surprises. The first: up to a factor of 1,000 nothing happens at all. A floating-point number takes its precision
// along when it gets smaller, so an error of 2.6 per cent stays one of 2.6 per cent. With 8-bit *integers* it would be
// another story. Only when the others sink to the left end of the first picture are they lost: at 1,000,000 all of them
// have become 0.
//
// The second: E5M2 does not notice, but it pays everywhere, with twice the error. Tiles have both: the precision of
// E4M3, and an outlier that spoils nothing but its own row. Blocks are in between: the 127 rows that share their block
// with the outlier suffer, and the others do not.
//
// So why blocks for weights? A weight matrix is used in two directions: forward, and for the gradients, transposed. A
// square block is the same from both sides. Weights also have no tokens that stick out. For gradients, the report tried
// blocks, and a model of 16 billion parameters diverged (appendix B.2).
//
// ## A sum that stands still
//
// Rounded numbers are only half of the story. Each number of a product of matrices is a sum of thousands of products,
// and something has to add them up: the **accumulator**. On the GPUs of DeepSeek, that of the 8-bit products keeps
// about 14 bits. 32 products at a time are aligned with the sum, and what lies below its 14 bits is cut off (section
// 3.3.2).
//
// **Guess:** we add up 20,000 ones with such an accumulator. What is the result?

// %%
const never = { bits: 14, promoteEvery: Number.POSITIVE_INFINITY };
const every128 = { bits: 14, promoteEvery: 128 };
for (const count of [1000, 10_000, 16_384, 20_000, 40_000]) {
  const ones = new Float64Array(count).fill(1);
  console.log(`${count} ones: ${emulatedDot(ones, ones, never)}, and promoted ${emulatedDot(ones, ones, every128)}`);
}

// %% [markdown]
// The sum arrives at 16,384, which is 2 to the power of 14, and stays there. From then on, the last of its 14 bits is
// worth 2, and a one is cut off.
//
// The remedy is the second column: **promotion**. After every 128 products the sum is added to an ordinary float32
// number, which has 24 bits, and the accumulator begins again at 0. So it never gets large enough to lose much. And 128
// is also the width of a tile: at the moment when the sum is taken out, it is multiplied by the scales of the two
// tiles.
//
// How bad is it for real numbers? We sum products of random numbers between 0 and 1, which have been rounded to E4M3.
// The exact sum of these is the reference, so what we see is the error of the accumulator alone.

// %%
/** The error of sums of `length` products, in per cent. */
function errorOfSums(length: number, accumulator: typeof never): number {
  const numbers = createRandom(3);
  const vector = () => Float64Array.from({ length }, () => roundTo(numbers.next(), e4m3));
  let [errors, squares] = [0, 0];
  for (let sum = 0; sum < 32; sum++) {
    const [a, b] = [vector(), vector()];
    const exact = a.reduce((total, x, i) => total + x * b[i]!, 0);
    errors += (emulatedDot(a, b, accumulator) - exact) ** 2;
    squares += exact ** 2;
  }
  return 100 * Math.sqrt(errors / squares);
}

const sumLengths = [128, 256, 512, 1024, 2048, 4096];
const plain = sumLengths.map((length) => errorOfSums(length, never));
const promoted = sumLengths.map((length) => errorOfSums(length, every128));
for (const [i, length] of sumLengths.entries()) {
  console.log(
    `${String(length).padStart(4)} products: ${plain[i]!.toFixed(2)} %, ` +
      `promoted every 128: ${promoted[i]!.toFixed(2)} %`,
  );
}
await display({
  kind: 'lines',
  title: 'Error of a sum in an accumulator of 14 bits',
  x: 'products',
  y: 'per cent',
  isLogarithmic: true,
  series: {
    'never promoted': sumLengths.map((length, i) => [length, plain[i]!] as const),
    'promoted every 128': sumLengths.map((length, i) => [length, promoted[i]!] as const),
  },
});

// %% [markdown]
// Without promotion the error grows with the length of the sum, and always in the same direction, since bits are cut
// off and never rounded up. With promotion it stays where it was at 128. The report speaks of nearly 2 per cent as the
// largest error at 4,096 products, so our emulation is harsher. The exact number depends on the signs of the products
// and on details of the GPU that are not published. What can be relied on is the gap between the curves.
//
// ## Training in 8 bits
//
// Now all of it together, in a small model. In each linear layer and each expert there are three products: one forward,
// and two backward, for the gradients of the inputs and of the weights. All their inputs are rounded to E4M3, in tiles
// and blocks. Our matrices are small, so tiles have 16 channels in place of 128. Everything else stays as it is, as in
// the report: the embedding, the output head, the router, the norms, and attention itself. What the backward pass needs
// of the forward pass is kept in 8 bits as well, which halves its memory ([docs/memory.md](../docs/memory.md)).
//
// **Guess:** how much higher is the loss after 100 steps?

// %%
/** The losses of a short run. */
async function lossesOf(precision: 'float32' | 'fp8', seed: number): Promise<number[]> {
  const losses: number[] = [];
  await train({
    model: { ...modelPreset('tiny'), hiddenSize: 64, numHiddenLayers: 2, numNextnPredictLayers: 0 },
    train: {
      ...trainPreset('tiny'),
      tokenizer: 'bytes',
      precision,
      seed,
      steps: 100,
      seqLen: 64,
      heldOutFraction: 0.01,
      evalEvery: 0,
      sampleTokens: 0,
    },
    backend: 'engine',
    backendOptions: { threads: 1 },
    store: memoryStore(),
    onEvent: (event) => {
      if (event.type === 'step') losses.push(event.loss);
    },
  });
  return losses;
}

const runs = {
  float32: await lossesOf('float32', 0),
  '8 bits': await lossesOf('fp8', 0),
  'float32, another seed': await lossesOf('float32', 1),
};
const meanOfLast = (losses: readonly number[]) => losses.slice(-20).reduce((sum, loss) => sum + loss, 0) / 20;
for (const [name, losses] of Object.entries(runs)) {
  const change = 100 * (meanOfLast(losses) / meanOfLast(runs.float32) - 1);
  console.log(
    `${name.padEnd(22)} loss of the last 20 steps ${meanOfLast(losses).toFixed(3)}, ${change.toFixed(2)} % higher`,
  );
}
await display({
  kind: 'lines',
  title: 'Training in float32 and in 8 bits',
  x: 'step',
  y: 'nats',
  series: runs,
});

// %% [markdown]
// The line of float32 lies hidden under that of 8 bits: with the same seed, the two can hardly be told apart, and
// another seed makes more of a difference than 8 bits do. The report found the same for models of 16 and 230 billion
// parameters: the loss differs by less than 0.25 per cent from that in bfloat16, a format of 16 bits (section 3.3 and
// appendix B.1). Ours is a short run of a small model whose numbers have no outliers, so do not take it as proof: here,
// one scale for a whole matrix would do as well ([docs/results.md](../docs/results.md#precision)).
//
// What is *not* rounded to 8 bits matters too. The optimizer changes weights by tiny amounts, which would vanish. So
// the weights themselves and their gradients are kept in float32, and the optimizer keeps its two moments, which are
// running means of gradients and of their squares, in bfloat16 (section 3.3.3). The 8-bit weights are copies to
// multiply with.
//
// ## Exercise
//
// Round a number to E4M3 yourself. Between two powers of two, the numbers have equal distances, and 8 of them fit.
// Below $2^{-6}$ the distance stays what it is there, which is $2^{-9}$. Of two numbers that are equally near, take the
// one that is an even number of steps. What is larger than 448 becomes 448.

// %% [exercise]
function toE4M3(x: number): number {
  return Math.round(x); // your turn
}

// %% [solution]
// function toE4M3(x: number): number {
//   const size = Math.abs(x);
//   let power = -6;
//   while (2 ** (power + 1) <= size) power++;
//   const step = 2 ** (power - 3);
//   const below = Math.floor(size / step);
//   const rest = size / step - below;
//   const isUp = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
//   return Math.sign(x) * Math.min(448, step * (isUp ? below + 1 : below));
// }

// %%
const tests = [0, 0.1, 17, 19, -2.7, 1.0625, 1.1875, 460, 1e6, 2 ** -10, 0.003, ...Array.from(matrix.slice(0, 1000))];
const wrong = tests.find((x) => toE4M3(x) !== roundTo(x, e4m3));
console.log(wrong === undefined ? 'Right: 8 bits, by hand.' : `Not yet: ${wrong} becomes ${roundTo(wrong, e4m3)}.`);

// %% [markdown]
// ## What to remember
//
// * The mantissa decides how precise a number is, and the exponent how far the numbers reach. E4M3 is the precise one.
// * A scale for each small tile keeps numbers where E4M3 is precise, and an outlier spoils only its own tile.
// * A sum needs more bits than what is summed: it is moved to float32 after every 128 products.
// * Weights, gradients and the optimizer keep more bits. Only what is multiplied has 8.
//
// **Next:** [8. DualPipe and friends](08-dualpipe-and-friends.ipynb)
