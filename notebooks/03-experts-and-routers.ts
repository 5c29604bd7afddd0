// %% [markdown]
// # 3. Experts and why routers collapse
//
// *About 15 minutes. It runs in less than a minute.*
//
// DeepSeek-V3 has 671 billion parameters, and a token meets only 37 billion of them. The others belong to *experts*
// that were not chosen for this token. A small part of the model, the **router**, does the choosing. It has to learn
// this while the experts learn their trade, and if nobody helps it, it learns something bad: it sends almost
// everything to a few experts and forgets the rest.
//
// You will
//
// 1. route a few tokens by hand;
// 2. count why many small experts are better than a few big ones;
// 3. train a small model and watch its router collapse;
// 4. find the loop that makes it collapse.
//
// The source is section 2.1.2 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)) and the
// DeepSeekMoE paper ([arXiv:2401.06066](https://arxiv.org/abs/2401.06066)).

// %%
import {
  activateBackend,
  computeLoss,
  countParameters,
  createDataset,
  display,
  loadModelFrom,
  loadStatistics,
  lossInput,
  memoryStore,
  modelPreset,
  routeTokens,
  tf,
  train,
  trainPreset,
  valueAndGrads,
} from 'tinyseek';

await activateBackend('engine', { threads: 1 });
const v3 = modelPreset('deepseek-v3');
const { total, active } = countParameters(v3);
console.log(`parameters: ${(total / 1e9).toFixed(0)} billion, for one token ${(active / 1e9).toFixed(1)} billion`);
console.log(`experts in a layer: ${v3.nRoutedExperts}, chosen for a token: ${v3.numExpertsPerTok}`);

// %% [markdown]
// (The count for one token has the input embedding in it. Without it, it is 36.6 billion; the report rounds to 37.)
//
// ## A router by hand
//
// An expert is a small feed-forward network. Each has a vector of its own, its *centroid* $e_i$, which says what kind
// of token it is for. A token with the hidden state $u$ fits expert $i$ by its **affinity** (equation 15):
//
// $$s_i = \mathrm{sigmoid}(u \cdot e_i)$$
//
// The $K$ experts with the largest affinities are chosen (equation 14). Their outputs are added, each times its
// **gate**. The gates are the affinities of the chosen experts, divided by their sum (equation 13). The released model
// then multiplies the gates by 2.5; the equations do not show that.
//
// Here are three tokens and four experts, of which two are chosen. The numbers in `logits` are the products
// $u \cdot e_i$, before the sigmoid.

// %%
const logits = tf.tensor2d([
  [2.0, 0.0, -1.0, 1.0],
  [0.1, 0.0, 0.2, 0.1],
  [-3.0, 3.0, 3.0, -3.0],
]);
const noBias = tf.zeros([4]) as tf.Tensor1D; // lesson 4 is about this one
const routing = routeTokens(logits, noBias, {
  nRoutedExperts: 4,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  normTopkProb: true,
  routedScalingFactor: 1,
  scoringFunc: 'sigmoid',
  expertBiasForm: 'additive',
});
const chosen = routing.topkIndices.arraySync();
const gates = routing.topkWeights.arraySync();
for (const [token, experts] of chosen.entries()) {
  const shares = experts.map((expert, k) => `expert ${expert} with gate ${gates[token]![k]!.toFixed(2)}`);
  console.log(`token ${token} goes to ${shares.join(' and ')}`);
}

// %% [markdown]
// Note the second token. It has no clear favourite, but it must go to two experts all the same, and tiny differences
// decide which. At the start of training all tokens are like that.
//
// Besides the chosen experts, every token goes through one **shared** expert, which needs no router. What all tokens
// need can live there, and does not have to be learned by every routed expert again.
//
// ## Why so many small experts?
//
// **Before you go on, guess:** take 16 experts of which 2 are chosen. Now cut each into 4 smaller ones, and choose 8 of
// the 64. The parameters and the work are the same. How many different teams can a token get, before and after?

// %%
/** In how many ways k of n experts can be chosen. */
const teams = (n: number, k: number): number => (k === 0 ? 1 : (teams(n - 1, k - 1) * n) / k);
const inWords = (count: number) => Math.round(count).toLocaleString('en');
console.log('2 of 16: ', inWords(teams(16, 2)));
console.log('8 of 64: ', inWords(teams(64, 8)));
console.log('8 of 256:', inWords(teams(256, 8)));

// %% [markdown]
// From 120 teams to more than four billion, at no cost in arithmetic. The DeepSeekMoE paper calls this *fine-grained
// segmentation*. The last line is DeepSeek-V3.
//
// ## A collapse
//
// Now let us train: two layers, of which the second has 16 experts, and each token goes to 2 of them. The text is
// *Moby-Dick*, read byte by byte. Nothing keeps the experts balanced.
//
// To say how uneven a load is, one number is enough. **MaxVio** is how far the busiest expert lies above the mean:
//
// $$\mathrm{MaxVio} = \frac{\max_i \mathrm{load}_i - \mathrm{mean}}{\mathrm{mean}}$$
//
// 0 is perfect balance, and 1 means that one expert has twice its share.
//
// **Guess before you go on:** each token goes to 2 of 16 experts. What is the largest MaxVio that can be?

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
const settings = {
  ...trainPreset('tiny'),
  tokenizer: 'bytes',
  balancing: 'none' as const,
  steps: 100,
  batchSize: 8,
  seqLen: 64,
  heldOutFraction: 0.01,
  sampleTokens: 0,
};
const store = memoryStore();
const loads: (readonly number[])[] = []; // of each step, the tokens that each expert got
await train({
  model: shape,
  train: settings,
  backend: 'engine',
  backendOptions: { threads: 1 },
  store,
  onEvent: (event) => {
    if (event.type === 'step') loads.push(event.load[0]!.counts);
  },
});

const tokensPerStep = settings.batchSize * settings.seqLen;
for (const step of [1, 2, 5, 10, 20, 50, 100]) {
  const { maxVio, deadExperts } = loadStatistics(loads[step - 1]!);
  console.log(
    `step ${String(step).padStart(3)}: MaxVio ${maxVio.toFixed(2)}, ${String(deadExperts).padStart(2)} experts got nothing`,
  );
}
await display({
  kind: 'grid',
  title: `Who gets the tokens: the darkest blue is all ${tokensPerStep} of a step`,
  x: 'step',
  y: 'expert',
  values: Array.from({ length: 16 }, (_, expert) => loads.filter((_, i) => i % 4 === 0).map((load) => load[expert]!)),
  columns: loads.flatMap((_, i) => (i % 4 === 0 ? [String(i + 1)] : [])),
  darkest: tokensPerStep,
});

// %% [markdown]
// So quickly did it happen. The largest MaxVio is $16 / 2 - 1 = 7$: an expert that gets *every* token has 8 times the
// mean. This router reaches it: one expert is in every token's team. It has become a second shared expert. The
// others divide the rest among themselves, some of them get almost nothing, and the model has paid for all of them.
//
// ## Why?
//
// Look at what an expert needs in order to learn. The outputs of experts that were not chosen are never computed, so
// the loss does not depend on them. What has no influence on the loss has no gradient. We can see it: one batch, the
// trained model, and the size of the gradient of each expert.

// %%
const { model } = await loadModelFrom(store);
const dataset = await createDataset(settings);
const { counts, sizes } = tf.tidy(() => {
  const input = lossInput(dataset.trainBatch(0, 8), settings.documentMask);
  const weights = { mtpWeight: 0, balancing: 'none', balanceLossFactor: 0 } as const;
  const experts = model.parameters.get('model.layers.1.mlp.experts.gate_up_proj')!; // [expert, rows, columns]
  let counts: number[] = [];
  const { grads } = valueAndGrads(() => {
    const terms = computeLoss(model, input, weights);
    counts = Array.from(terms.counts[0]!.counts.dataSync());
    return terms.total;
  }, [experts]);
  const sizes = Array.from(tf.sqrt(tf.sum(tf.square(grads[0]!), [1, 2])).dataSync());
  return { counts, sizes };
});
model.dispose();

const largest = Math.max(...sizes);
const order = counts.map((_, expert) => expert).sort((a, b) => counts[b]! - counts[a]!);
for (const expert of order) {
  const relative = sizes[expert]! / largest;
  console.log(
    `expert ${String(expert).padStart(2)}: ${String(counts[expert]).padStart(3)} tokens, gradient ${relative.toFixed(3)}`,
  );
}
const isStarved = counts.every((count, expert) => count > 0 || sizes[expert] === 0);
console.log('no tokens means no gradient:', isStarved);

// %% [markdown]
// An expert without tokens gets exactly nothing, and it stays as bad as it is. So there is a loop:
//
// 1. An expert happens to be chosen a little more often.
// 2. It gets more gradient, so it becomes better than the others.
// 3. The router is trained on the same loss, and only through the gates of chosen experts. It learns that this expert
//    helps, and chooses it more often. Back to 1.
//
// Nothing in the loop pulls the other way. The experts that were left behind cannot show that they could be useful,
// because nobody asks them. A few of them come back by chance, when the hidden states around them change (see the
// counts above: fewer experts got nothing at step 100 than at step 10). The one that everybody chooses stays.
//
// ## What it costs
//
// The model has fewer useful experts than it has paid for. And there is the time: in a cluster, experts live on
// different graphics cards, and a layer is done when the **busiest** of them is done. The others wait.

// %%
const last = loads.slice(-10).reduce<number[]>((sum, load) => load.map((n, i) => n + (sum[i] ?? 0)), []);
const { maxVio } = loadStatistics(last);
console.log(`MaxVio of the last ten steps: ${maxVio.toFixed(2)}`);
console.log(`with one card for each expert, the mean card works ${(100 / (1 + maxVio)).toFixed(0)} % of the time`);
await display({
  kind: 'bars',
  title: 'Load of each expert in the last ten steps; 1 is an equal share',
  x: 'expert',
  y: 'relative load',
  values: Object.fromEntries(last.map((n, i) => [`#${i}`, (16 * n) / last.reduce((a, b) => a + b)])),
});

// %% [markdown]
// The classical remedy is an **auxiliary loss**: a second term in the loss that is small when the load is even. It
// works, but it has a price. Its gradient pulls at the same weights as the gradient of the language, and the two do not
// want the same. If it is weak, the load stays uneven; if it is strong, the model gets worse. DeepSeek-V3 found a way
// around this, and lesson 4 builds it.
//
// ## Exercise
//
// A token goes to `chosen` of `experts` experts. What is the largest MaxVio that is possible? Let the function return
// it. For 2 of 16 you know the answer; for DeepSeek-V3 with 8 of 256 it shows how much there is to lose.

// %% [exercise]
function largestMaxVio(experts: number, chosen: number): number {
  return experts * chosen * 0; // your turn
}

// %% [solution]
// function largestMaxVio(experts: number, chosen: number): number {
//   // With n tokens, the busiest expert has at most n, and the mean is n * chosen / experts.
//   return experts / chosen - 1;
// }

// %%
/** The MaxVio of a router that always chooses the same experts. */
function measured(experts: number, chosen: number): number {
  return loadStatistics(Array.from({ length: experts }, (_, i) => (i < chosen ? 100 : 0))).maxVio;
}
const cases = [
  [16, 2],
  [64, 6],
  [256, 8],
] as const;
const isRight = cases.every(([e, k]) => Math.abs(largestMaxVio(e, k) - measured(e, k)) < 1e-9);
console.log(
  isRight ? `Right: for DeepSeek-V3 it is ${largestMaxVio(256, 8)}.` : 'Not yet: try it for 16 experts and 2 chosen.',
);

// %% [markdown]
// ## What to remember
//
// * A router chooses a few experts for each token. Many small experts give many more teams than a few big ones.
// * Only chosen experts get a gradient, and the router learns only from those that it chose. So a lead grows by itself.
// * A collapsed router wastes parameters, and in a cluster it wastes time, because all wait for the busiest.
//
// **Next:** [4. Balancing with a bias](04-balancing-with-a-bias.ipynb)
