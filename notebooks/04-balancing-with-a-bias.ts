// %% [markdown]
// # 4. Balancing with a bias
//
// *About 15 minutes. It runs in less than a minute.*
//
// [Lesson 3](03-experts-and-routers.ipynb) ended with a router that sent every token to the same expert. The usual
// remedy is a second term in the loss, and it costs quality. DeepSeek-V3 balances its experts with something simpler:
// one number for each expert, which is not trained at all. It goes a small step down when the expert was too busy, and
// a small step up when it was not.
//
// You will
//
// 1. see what the bias changes, and what it leaves alone;
// 2. do one update by hand, then hundreds on a router that wants to be unfair;
// 3. train the model of lesson 3 again, and watch the bias at work;
// 4. find out what happens when it moves too slowly or too fast.
//
// The source is section 2.1.2 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)),
// equation 16, and the paper on loss-free balancing ([arXiv:2408.15664](https://arxiv.org/abs/2408.15664)).

// %%
import {
  activateBackend,
  createRandom,
  display,
  type ExpertBiasUpdate,
  loadStatistics,
  memoryStore,
  modelPreset,
  type RouterConfig,
  routeTokens,
  tf,
  train,
  trainPreset,
  updateExpertBias,
} from 'tinyseek';

await activateBackend('engine', { threads: 1 });
const router: RouterConfig = {
  nRoutedExperts: 4,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  normTopkProb: true,
  routedScalingFactor: 1,
  scoringFunc: 'sigmoid',
  expertBiasForm: 'additive',
};

// %% [markdown]
// ## What the bias changes
//
// A router gives each expert an affinity $s_i$ between 0 and 1 and chooses the $K$ largest. Now the choice looks at
// something else: at the affinity **plus the bias** $b_i$ of the expert (equation 16):
//
// $$g'_i = s_i \quad \text{if } s_i + b_i \text{ is among the } K \text{ largest, otherwise } 0$$
//
// Read the equation again: the bias stands in the condition, and not in the value. **Guess:** a token has the
// affinities below and goes to two experts. What happens to the gate of expert 0 when expert 1 gets a bias of 0.3?

// %%
const affinities = [0.8, 0.4, 0.6, 0.2];
const toLogit = (s: number) => Math.log(s / (1 - s)); // the inverse of the sigmoid
const token = tf.tensor2d([affinities.map(toLogit)]);
for (const bias of [
  [0, 0, 0, 0],
  [0, 0.3, 0, 0],
]) {
  const { topkIndices, topkWeights } = routeTokens(token, tf.tensor1d(bias), router);
  const weights = topkWeights.dataSync();
  const parts = Array.from(topkIndices.dataSync(), (expert, k) => `${expert} (gate ${weights[k]!.toFixed(3)})`);
  console.log(`bias of expert 1: ${bias[1]!.toFixed(1)}. The token goes to ${parts.join(' and ')}`);
}

// %% [markdown]
// Expert 1 has taken the place of expert 2, since $0.4 + 0.3$ is more than $0.6$. Its gate comes from its true
// affinity: $0.4 / (0.8 + 0.4) = 0.333$. The gate of expert 0 has changed only because it is divided by another sum. So
// the bias decides *who* works, and the router still decides *how much* each of them counts.
//
// That is also why no gradient is needed. The bias is not in the output of the layer, so the loss knows nothing of it,
// and it does not pull the model away from its text.
//
// ## One update
//
// At the end of a training step, one counts the tokens of each expert. Those with more than the mean get a bias that is
// smaller by $\gamma$; those with less get one that is larger by $\gamma$. How much more or less does not matter.

// %%
const rule: ExpertBiasUpdate = { speed: 0.1, rule: 'sign', form: 'additive', recenter: false };
const round = (numbers: ArrayLike<number>) => Array.from(numbers, (x) => x.toFixed(1)).join('  ');
console.log('bias afterwards:', round(updateExpertBias(new Float32Array(4), [10, 6, 2, 6], rule)));

// %% [markdown]
// The mean is 6. Expert 0 had more, expert 2 had less, and the other two were just right.
//
// ## A router that is unfair by nature
//
// Before we train, let us see whether this simple rule can do its work. Here is a router that never learns: 8 experts,
// and expert 7 suits the tokens best, expert 6 second best, and so on. Each token adds some chance to that. Two experts
// are chosen, and the bias moves by 0.01 after every 64 tokens.

// %%
const numExperts = 8;
const random = createRandom(1);
let bias: Float32Array = new Float32Array(numExperts);
const wide = { ...router, nRoutedExperts: numExperts };
const maxVios: number[] = [];
const biases: number[][] = [];
for (let step = 0; step < 100; step++) {
  const counts = tf.tidy(() => {
    const logits = Array.from(
      { length: 64 * numExperts },
      (_, i) => (i % numExperts) * 0.3 + 2 * (random.next() - 0.5),
    );
    const { topkIndices } = routeTokens(tf.tensor2d(logits, [64, numExperts]), tf.tensor1d(bias), wide);
    const chosen = Array.from(topkIndices.dataSync());
    return Array.from({ length: numExperts }, (_, expert) => chosen.filter((one) => one === expert).length);
  });
  maxVios.push(loadStatistics(counts).maxVio);
  bias = updateExpertBias(bias, counts, { ...rule, speed: 0.01 });
  biases.push(Array.from(bias));
  if ([0, 9, 29, 99].includes(step))
    console.log(`step ${String(step + 1).padStart(3)}, tokens of each expert: ${counts.join(' ')}`);
}
await display({
  kind: 'lines',
  title: 'The bias of three experts of an unfair router',
  x: 'step',
  y: 'bias',
  series: {
    'expert 0, least liked': biases.map((b) => b[0]!),
    'expert 4': biases.map((b) => b[4]!),
    'expert 7, most liked': biases.map((b) => b[7]!),
  },
});

// %% [markdown]
// The bias of the favourite falls and that of the least liked rises, until the load is about even. From then on they
// tremble in place. What they have found is exactly what was missing: the differences between the experts in general.
// What is left for the choice is what is special about each token.
//
// ## In training
//
// Now the real thing: the model of lesson 3, once without balancing and once with the bias. The report's $\gamma$ is
// 0.001, in a training of more than a hundred thousand steps. We have 100, so ours has to be larger: 0.01.
//
// **Guess before you go on:** in lesson 3, one expert got every token after about 20 steps. Will the bias prevent that
// from the first step on, or will the router collapse first and recover later?

// %%
const shape = {
  ...modelPreset('tiny'),
  hiddenSize: 32,
  numHiddenLayers: 2, // the first one is dense, so there is one router to look at
  numAttentionHeads: 2,
  nRoutedExperts: 16,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  numNextnPredictLayers: 0,
};

/** Trains with a bias of the given speed, or with none for 0; the loads and biases of each step, and the loss. */
async function trainWith(speed: number) {
  const loads: (readonly number[])[] = [];
  const biases: (readonly number[])[] = [];
  const { evalLoss } = await train({
    model: shape,
    train: {
      ...trainPreset('tiny'),
      tokenizer: 'bytes',
      balancing: speed === 0 ? 'none' : 'bias',
      expertBiasUpdateSpeed: speed,
      balanceLossFactor: 0, // the bias alone
      steps: 100,
      batchSize: 8,
      seqLen: 64,
      heldOutFraction: 0.01,
      sampleTokens: 0,
    },
    backend: 'engine',
    backendOptions: { threads: 1 },
    store: memoryStore(),
    onEvent: (event) => {
      if (event.type !== 'step') return;
      loads.push(event.load[0]!.counts);
      biases.push(event.load[0]!.bias);
    },
  });
  return { loads, biases, evalLoss, vios: loads.map((load) => loadStatistics(load).maxVio) };
}

const without = await trainWith(0);
const withBias = await trainWith(0.01);
console.log('step    none   bias   (MaxVio)');
for (const step of [1, 5, 10, 20, 30, 40, 60, 80, 100]) {
  const [a, b] = [without, withBias].map(({ vios }) => vios[step - 1]!.toFixed(2));
  console.log(`${String(step).padStart(4)}${a!.padStart(8)}${b!.padStart(7)}`);
}
await display({
  kind: 'lines',
  title: 'How uneven the load is, step by step',
  x: 'step',
  y: 'MaxVio',
  series: { 'no balancing': without.vios, 'bias, 0.01 a step': withBias.vios },
});
await display({
  kind: 'grid',
  title: 'With the bias: who gets the tokens',
  x: 'step',
  y: 'expert',
  values: Array.from({ length: 16 }, (_, e) => withBias.loads.filter((_, i) => i % 4 === 0).map((load) => load[e]!)),
  columns: withBias.loads.flatMap((_, i) => (i % 4 === 0 ? [String(i + 1)] : [])),
  darkest: 512,
});

// %% [markdown]
// The router collapses at first, and recovers. In the first steps the affinities run away faster than 0.01 a step can
// follow. Then the bias catches up, and the experts that were left behind get tokens. They get gradients with them, and
// become useful. That is the loop of lesson 3, now turned around.
//
// ## Too slow, too fast
//
// $\gamma$ is the only setting. **Guess:** what do you expect of a tenth of it, and of ten times as much?

// %%
const speeds = { 'slow: 0.001': await trainWith(0.001), 'as above: 0.01': withBias, 'fast: 0.1': await trainWith(0.1) };
for (const [name, { vios, evalLoss, biases }] of Object.entries(speeds)) {
  const end = vios.slice(-20).reduce((a, b) => a + b) / 20;
  const range = Math.max(...biases.at(-1)!) - Math.min(...biases.at(-1)!);
  console.log(
    `${name.padEnd(15)} MaxVio of the last 20 steps ${end.toFixed(2)}, ` +
      `biases differ by up to ${range.toFixed(2)}, loss ${evalLoss.toFixed(2)}`,
  );
}
console.log(`no balancing    loss ${without.evalLoss.toFixed(2)}`);
const losses = [without, ...Object.values(speeds)].map(({ evalLoss }) => evalLoss);
console.log('all losses lie within 0.03:', Math.max(...losses) - Math.min(...losses) < 0.03);
await display({
  kind: 'lines',
  title: 'Three speeds of the bias',
  x: 'step',
  y: 'MaxVio',
  series: Object.fromEntries(Object.entries(speeds).map(([name, { vios }]) => [name, vios])),
});

// %% [markdown]
// At a tenth of the speed, the bias cannot follow: in 100 steps it moves by 0.1 at most, and the router has nearly
// collapsed. At ten times the speed, every step overshoots: the idle experts of one step are the busy ones of the next.
// Between the two, the bias arrives and stays. The paper on loss-free balancing found the same at its own size: slow at
// a $\gamma$ of 0.0001, restless at 0.01.
//
// And the loss? All four lie within 0.03 of each other, and the order among them means nothing: another seed gives
// another one. In so short a run, a balanced load does not make the model better yet. It makes all of the model *used*.
// Whether that pays takes longer runs and several seeds, and [docs/results.md](../docs/results.md) has those.
//
// ## What else the report does
//
// * For the last 500 of 14,800 billion tokens $\gamma$ is 0: the biases stay where they are (section 4.2).
// * A bias balances over all tokens of a step, and not within one text. A very small auxiliary loss (equations 17 to
//   20, with a weight of 0.0001) keeps single sequences from extremes. Lesson 5 is about the difference.
// * In its comparison (table 5), the loss-free way was better than the auxiliary loss on nearly all benchmarks, though
//   not on all: MMLU of the large model and MBPP of the small one came out lower.
//
// ## Exercise
//
// Write the update yourself: from the biases, the counts and the speed, return the new biases. Mind the expert whose
// load is exactly the mean.

// %% [exercise]
function update(bias: readonly number[], counts: readonly number[], speed: number): number[] {
  return bias.map((b, i) => b + 0 * counts[i]! * speed); // your turn
}

// %% [solution]
// function update(bias: readonly number[], counts: readonly number[], speed: number): number[] {
//   const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
//   return bias.map((b, i) => b + speed * Math.sign(mean - counts[i]!)); // the sign of 0 is 0
// }

// %%
const tests = [
  { bias: [0, 0, 0, 0], counts: [10, 6, 2, 6], speed: 0.1 },
  { bias: [0.5, -0.25, 0], counts: [0, 0, 30], speed: 0.001 },
  { bias: [1, 2], counts: [4, 4], speed: 0.01 },
];
const isRight = tests.every(({ bias, counts, speed }) => {
  const expected = updateExpertBias(Float32Array.from(bias), counts, { ...rule, speed });
  return update(bias, counts, speed).every((b, i) => Math.abs(b - expected[i]!) < 1e-6);
});
console.log(isRight ? 'Right: your rule balances.' : 'Not yet: compare each count with the mean.');

// %% [markdown]
// ## What to remember
//
// * The bias is added to the affinity when experts are chosen. The gates come from the affinities alone.
// * After each step it moves by $\gamma$: down for the busy, up for the idle. There is no gradient, and no second loss.
// * It has to be able to travel as far as the affinities differ. In a short run, $\gamma$ must be larger.
//
// **Next:** [5. Sequence-wise, batch-wise, and who specialises in what](05-who-specialises-in-what.ipynb)
