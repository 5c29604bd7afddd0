// %% [markdown]
// # 1. From attention to MLA
//
// *About 15 minutes. It runs in a few seconds.*
//
// A language model that writes must remember what it has read. Ordinary attention remembers a great deal: with the
// attention of 2017, a text of 128,000 tokens would take DeepSeek-V3 640 GB of memory. What it takes in fact is 9 GB.
// This lesson finds out where the difference comes from, by counting first and then by doing it.
//
// You will
//
// 1. count what attention has to remember, in bytes;
// 2. build the key and value of a head from a small *latent* vector;
// 3. see why the keys never have to be built at all;
// 4. find out why the position of a token needs a key of its own.
//
// The source is section 2.1.1 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)) and
// section 2.1 of the DeepSeek-V2 paper ([arXiv:2405.04434](https://arxiv.org/abs/2405.04434)), where the idea appeared.

// %%
import { activateBackend, display, modelPreset, tf } from 'tinyseek';

await activateBackend('cpu');
console.log(tf.getBackend());

// %% [markdown]
// ## What attention remembers
//
// Attention looks back. To write token 1,000, each head compares its *query* with the *keys* of the 999 tokens before,
// and takes a mean of their *values*, weighted by how well they fit. Keys and values of old tokens do not change, so
// they are computed once and kept. That store is the **KV cache**.
//
// How much is it? For each token, each layer and each head: one key and one value. Let us count with DeepSeek-V3's own
// sizes.

// %%
const v3 = modelPreset('deepseek-v3');
const heads = v3.numAttentionHeads;
const keySize = v3.qkNopeHeadDim + v3.qkRopeHeadDim; // a part about content, and a part about position
const valueSize = v3.vHeadDim;
const perTokenAndLayer = heads * (keySize + valueSize);
const bytesPerNumber = 2; // bfloat16
const perToken = perTokenAndLayer * v3.numHiddenLayers * bytesPerNumber;

console.log(`${heads} heads, keys of ${keySize} numbers, values of ${valueSize}`);
console.log(`numbers per token and layer: ${perTokenAndLayer}`);
console.log(`bytes per token: ${perToken}, which is ${(perToken / 1e6).toFixed(1)} MB for one token`);

// %% [markdown]
// Five megabytes for one token, which is about four letters of text. A graphics card has 80 gigabytes, and the model's
// weights want a place too.
//
// **Before you go on, guess:** there are two older ways to keep less. *Grouped-query attention* (GQA) lets several
// heads share one key and one value; *multi-query attention* (MQA) lets all heads share a single pair. MLA keeps 512
// numbers and a rotary key of 64 numbers, whatever the number of heads. With 128 heads, which of these keeps the
// least: MQA, GQA with 8 groups, or MLA?

// %%
const numbersKept = {
  'MHA, 128 heads': heads * (keySize + valueSize),
  'GQA, 8 groups': 8 * (keySize + valueSize),
  MLA: v3.kvLoraRank + v3.qkRopeHeadDim,
  MQA: keySize + valueSize,
};
for (const [name, numbers] of Object.entries(numbersKept)) {
  const gigabytes = (numbers * v3.numHiddenLayers * bytesPerNumber * 128_000) / 1e9;
  console.log(
    `${name.padEnd(16)} ${String(numbers).padStart(6)} numbers, ${gigabytes.toFixed(1)} GB for 128,000 tokens`,
  );
}
await display({
  kind: 'bars',
  title: 'What one token leaves behind in one layer',
  x: '',
  y: 'numbers kept',
  values: numbersKept,
});

// %% [markdown]
// MQA keeps the least, but all its heads look for the same thing: they differ in their queries alone. MLA keeps not
// quite twice as much as MQA, and each of its 128 heads still has a key and a value of its own. How can that be?
//
// ## Keys and values from a latent
//
// The idea is compression. Instead of keys and values, the model keeps one short vector for each token, the **latent**
// $c$, and builds the keys and values of every head from it (equations 1, 2 and 5 of the report):
//
// $$c = W^{DKV} h \qquad k_i = W^{UK}_i c \qquad v_i = W^{UV}_i c$$
//
// $h$ is the hidden state of a token. $W^{DKV}$ makes it short ("down"), $W^{UK}_i$ and $W^{UV}_i$ make a key and a
// value for head $i$ of it ("up"). The matrices belong to the model; only $c$ belongs to the token, and only $c$ is
// kept.
//
// Here it is in miniature: 6 tokens, hidden states of 32 numbers, 4 heads of 8, and a latent of 12.

// %%
const sizes = { tokens: 6, hidden: 32, heads: 4, head: 8, latent: 12 };
const random = (shape: [number, number], seed: number) =>
  tf.randomNormal(shape, 0, 0.5, 'float32', seed) as tf.Tensor2D;

const hidden = random([sizes.tokens, sizes.hidden], 1);
const down = random([sizes.hidden, sizes.latent], 2); // transposed, since the rows of `hidden` are tokens
const latents = tf.matMul(hidden, down); // this is the whole cache

const upKeys = Array.from({ length: sizes.heads }, (_, i) => random([sizes.latent, sizes.head], 10 + i));
const upValues = Array.from({ length: sizes.heads }, (_, i) => random([sizes.latent, sizes.head], 20 + i));
const keys = upKeys.map((up) => tf.matMul(latents, up));
const values = upValues.map((up) => tf.matMul(latents, up));

console.log('cache with MHA:', sizes.heads * 2 * sizes.head, 'numbers a token');
console.log('cache with MLA:', latents.shape[1], 'numbers a token');
console.log(
  'key of head 2 for token 5:',
  Array.from(tf.slice(keys[2]!, [5, 0], [1, 4]).dataSync(), (x) => x.toFixed(2)).join(' '),
  '...',
);

// %% [markdown]
// ## The keys are never built
//
// There is a catch. To compare one query with 999 old tokens, do we have to build 999 keys again, for each of the 128
// heads, at every single token? Then we would have traded memory for a mountain of work.
//
// We do not. A score is a product of three things, and products may be regrouped:
//
// $$q \cdot k = q \cdot (W^{UK} c) = (W^{UK\top} q) \cdot c$$
//
// On the left, the key is built for each old token. On the right, the matrix is applied to the query, **once**, and the
// result is compared with the latents as they lie in the cache. The same trick works for the values: the weighted mean
// is taken over latents, and the result is made a value once. One says that the matrices are *absorbed*.

// %%
const queries = random([sizes.tokens, sizes.head], 30);
const head = 0;

/** Weights of attention from scores: each token looks at itself and at those before it. */
function attend(scores: tf.Tensor2D): tf.Tensor2D {
  const future = tf.linalg.bandPart(tf.ones([sizes.tokens, sizes.tokens]), -1, 0); // ones at and below the diagonal
  const masked = tf.where(tf.cast(future, 'bool'), tf.div(scores, Math.sqrt(sizes.head)), tf.fill(scores.shape, -1e9));
  return tf.softmax(masked) as tf.Tensor2D;
}

// The plain way: keys and values are built.
const plainWeights = attend(tf.matMul(queries, keys[head]!, false, true));
const plain = tf.matMul(plainWeights, values[head]!);

// The absorbed way: nothing but latents.
const wideQueries = tf.matMul(queries, upKeys[head]!, false, true); // [tokens, latent]
const absorbedWeights = attend(tf.matMul(wideQueries, latents, false, true));
const absorbed = tf.matMul(tf.matMul(absorbedWeights, latents), upValues[head]!);

console.log(
  'largest difference:',
  tf.max(tf.abs(tf.sub(plain, absorbed))).dataSync()[0]! < 1e-5 ? 'below 0.00001' : 'large',
);
await display({
  kind: 'grid',
  title: 'Where head 0 looks: each row is a token and its attention',
  x: 'looked at',
  y: 'token',
  values: absorbedWeights.arraySync(),
  darkest: 1,
});

// %% [markdown]
// The two ways agree to the last digits that float32 has. This is how TinySeek's decoder works, and DeepSeek's: the
// cache holds latents, and no key of an old token is ever built.
//
// ## Why position needs a key of its own
//
// So far the scores do not know how far apart two tokens are. Models of this kind use **rotary embeddings** (RoPE): the
// query at position $m$ and the key at position $n$ are turned by angles that grow with $m$ and $n$, so that their
// product depends on $m - n$. Lesson 2 looks at this closely. Here it is enough to write the turn as a matrix $R$:
//
// $$q \cdot R_{m-n} W^{UK} c$$
//
// **Guess before you go on:** can $W^{UK}$ still be absorbed into the query once and for all tokens?
//
// It cannot. Between the query and $W^{UK}$ stands now a matrix that is another one for each old token, since $n$ is
// another one. We would be back to building keys.
//
// The report's answer is simple. Each head's key gets two parts. One is about *content*: it comes from the latent, it
// is not turned, and it can be absorbed. The other is about *position*: it is turned, it is short (64 numbers), and
// **all heads share it**. It is kept in the cache as it is. The score is the sum of both products. That is what
// `qkNopeHeadDim` (no position) and `qkRopeHeadDim` (rotary) mean in the settings of a model:

// %%
for (const name of ['deepseek-v3', 'small', 'tiny']) {
  const { kvLoraRank, numAttentionHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = modelPreset(name);
  const mla = kvLoraRank + qkRopeHeadDim;
  const mha = numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim + vHeadDim);
  console.log(`${name}: latent ${kvLoraRank} + rotary key ${qkRopeHeadDim} = ${mla} numbers`);
  console.log(`  MHA would keep ${mha}, ${(mha / mla).toFixed(1)} times as many`);
}

// %% [markdown]
// `small` and `tiny` are TinySeek's own presets, with few heads. The more heads a model has, the more MLA saves.
//
// The saving grows with the text, and so does what is at stake. The next picture is for DeepSeek-V3, with a
// logarithmic axis.

// %%
const lengths = [1, 2, 4, 8, 16, 32, 64, 128].map((thousand) => thousand * 1000);
const gigabytes = (numbers: number) =>
  lengths.map((length) => [length, (numbers * v3.numHiddenLayers * bytesPerNumber * length) / 1e9] as const);
await display({
  kind: 'lines',
  title: 'Memory of one conversation with DeepSeek-V3',
  x: 'tokens so far',
  y: 'gigabytes',
  isLogarithmic: true,
  series: {
    MHA: gigabytes(numbersKept['MHA, 128 heads']),
    'GQA, 8 groups': gigabytes(numbersKept['GQA, 8 groups']),
    MLA: gigabytes(numbersKept.MLA),
    MQA: gigabytes(numbersKept.MQA),
  },
});

// %% [markdown]
// ## What does it cost?
//
// Nothing is free. A latent of 512 numbers cannot hold what 128 keys and 128 values could. Whether that hurts is not a
// question for algebra; one has to train. The DeepSeek-V2 paper found MLA *better* than MHA on its benchmarks. In
// miniature, TinySeek's own study finds out how it stands beside MHA, GQA and MQA at equal parameters:
// [docs/results.md](../docs/results.md#attention) has the numbers, with their uncertainty.
//
// ## Exercise
//
// Your model has 32 layers, 16 heads, `qkNopeHeadDim` 64, `qkRopeHeadDim` 32 and `vHeadDim` 64, and you have 2 GB for
// the cache, in bfloat16 (2 bytes a number). What is the largest `kvLoraRank`, in whole numbers, with which a text of
// 100,000 tokens fits? Let the function return it.

// %% [exercise]
function largestRank(): number {
  return 0; // your turn
}

// %% [solution]
// function largestRank(): number {
//   const numbers = 2e9 / (100_000 * 32 * 2); // per token and layer
//   return Math.floor(numbers - 32); // the rotary key takes its part, whatever the number of heads
// }

// %%
const fits = (rank: number) => (rank + 32) * 32 * 2 * 100_000 <= 2e9;
const rank = largestRank();
console.log(
  rank > 0 && fits(rank) && !fits(rank + 1) ? `Right: ${rank}.` : `Not yet: ${rank} is not the largest that fits.`,
);

// %% [markdown]
// ## What to remember
//
// * The KV cache grows with the text; with ordinary attention it also grows with the number of heads.
// * MLA keeps one latent for each token, from which every head's key and value could be built, and never builds them:
//   the matrices are absorbed into the query and into the output.
// * Rotary positions do not allow that, so position has a short key of its own, which all heads share.
//
// **Next:** [2. Rotary keys and YaRN](02-rotary-keys-and-yarn.ipynb)
