// %% [markdown]
// # 5. Sequence-wise, batch-wise, and who specialises in what
//
// *About 15 minutes. It runs in about a minute.*
//
// [Lesson 4](04-balancing-with-a-bias.ipynb) balanced the experts over all tokens of a training step. The older way is
// an auxiliary loss that balances them within every single text. This sounds like a detail. But where every text has to
// use all experts alike, no expert can be for one kind of text. The report says that this matters.
//
// You will
//
// 1. compute the balance loss of two texts, once for each text and once for both together;
// 2. train a small model on prose, programs and mathematics, balanced in three ways;
// 3. see which experts each kind of text uses, and what a single expert is for;
// 4. find out what is dangerous about experts that specialise.
//
// The source is sections 2.1.2 (equations 17 to 20) and 4.5.3 of the DeepSeek-V3 report
// ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), with its figure 9.

// %%
import {
  activateBackend,
  balanceLoss,
  createDataset,
  createRandom,
  display,
  domainLoads,
  evaluate,
  loadModelFrom,
  loadStatistics,
  memoryStore,
  modelPreset,
  routingOf,
  tf,
  train,
  trainPreset,
} from 'tinyseek';

await activateBackend('engine', { threads: 1 });

// %% [markdown]
// ## A loss that is small when the load is even
//
// Lesson 3 mentioned the classical remedy for a router that collapses: a second term in the loss. This is the one that
// the report has (equation 17), with $N$ experts, of which each token goes to $K$:
//
// $$L = \alpha \sum_{i=1}^{N} f_i P_i$$
//
// $f_i$ is the load of expert $i$: how many tokens chose it, divided by an equal share. So 1 is an equal share, 2 is
// twice as much. $P_i$ is how much the tokens like it: its affinity divided by the affinities of all experts, and the
// mean of this over the tokens. $\alpha$ says how much the loss counts; leave it out for now.
//
// Why two factors? Counting has no gradient, so $f_i$ alone could not be trained. $P_i$ has one. The gradient pushes
// the affinity of an expert down, and it pushes the harder, the larger $f_i$ is.
//
// Now the question of this lesson: *which* tokens are counted? **Sequence-wise** means those of one sequence, which is
// a row of text; the loss is computed for each row, and the mean over the rows is taken. **Batch-wise** means all
// tokens of the batch together.
//
// **Before you go on, guess:** there are 4 experts, and each token goes to 2. All 3 tokens of the first text go to
// experts 0 and 1, and all 3 tokens of the second go to experts 2 and 3. A perfect balance gives a loss of 1, and the
// worst case gives $N / K = 2$. What does each of the two losses say?

// %%
const likesFirst = [3, 3, -3, -3]; // before the sigmoid: 3 is an affinity of 0.95, and -3 one of 0.05
const likesLast = [-3, -3, 3, 3];
const logits = tf.tensor2d([likesFirst, likesFirst, likesFirst, likesLast, likesLast, likesLast]);
const router = { scoringFunc: 'sigmoid', numExpertsPerTok: 2 } as const;
const record = { layer: 0, logits, topkIndices: tf.topk(logits, 2).indices, sequences: 2 };
for (const scope of ['sequence', 'batch'] as const) {
  const loss = balanceLoss(record, router, { scope, selection: 'affinity' });
  console.log(`${scope}-wise: ${loss.dataSync()[0]!.toFixed(2)}`);
}

// %% [markdown]
// Batch-wise, nothing is wrong: each expert has 3 tokens of 6. Sequence-wise, it is nearly as bad as it can be, since
// each text uses half of the experts and forgets the others.
//
// Suppose that the first text is a program and the second a novel, and that experts 0 and 1 have become good at
// programs. The sequence-wise loss wants the program to send half of its tokens to the experts of the novel. The
// batch-wise loss has no objection to things as they are. The bias of lesson 4 has none either: it counts the tokens of
// a whole step.
//
// ## Three models
//
// Let us see whether it comes to that. The model of lessons 3 and 4 reads three kinds of text, byte by byte: prose
// (*Moby-Dick*), code (programs) and math (sums and equations). Each row holds one kind. It is trained three times,
// from the same weights and on the same rows: with the bias, with the batch-wise loss, and with the sequence-wise loss.
//
// **Guess:** over a batch, all three will be about equally balanced. In which of them will two kinds of text use
// different experts?

// %%
const numExperts = 16;
const shape = {
  ...modelPreset('tiny'),
  hiddenSize: 32,
  numHiddenLayers: 2, // the first one is dense, so there is one router to look at
  numAttentionHeads: 2,
  nRoutedExperts: numExperts,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  numNextnPredictLayers: 0,
};
const settings = {
  ...trainPreset('tiny'),
  data: 'moby-dick:1,code:1,math:1',
  tokenizer: 'bytes',
  steps: 300,
  batchSize: 12,
  seqLen: 64,
  heldOutFraction: 0.01,
  evalEvery: 0,
  sampleTokens: 0,
};
const dataset = await createDataset(settings);
const kinds = ['prose', 'code', 'math'];
for (const [i, kind] of kinds.entries()) console.log(`${kind}: ${JSON.stringify(dataset.heldOutText(i).slice(0, 64))}`);
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** Trains with one way of balancing; the load of each expert by kind of text, where 1 is an equal share. */
async function trainWith(balancing: 'bias' | 'batch-aux' | 'sequence-aux') {
  const store = memoryStore();
  const vios: number[] = [];
  await train({
    model: shape,
    train: {
      ...settings,
      balancing,
      expertBiasUpdateSpeed: 0.01, // of the bias
      balanceLossFactor: balancing === 'bias' ? 0 : 0.1, // of the losses
    },
    dataset,
    backend: 'engine',
    backendOptions: { threads: 1 },
    store,
    onEvent: (event) => {
      if (event.type === 'step') vios.push(event.load[0]!.maxVio);
    },
  });
  const { model } = await loadModelFrom(store);
  const result = await evaluate(model, dataset, { batchSize: 12, documentMask: false, maxTokensPerDomain: 8192 });
  model.dispose();
  const { loads } = domainLoads(result!.domains, 1); // of layer 1: kind after kind, expert after expert
  const byKind = kinds.map((_, kind) => Array.from(loads.slice(kind * numExperts, (kind + 1) * numExperts)));
  return { store, byKind, vio: mean(vios.slice(-50)), loss: result!.loss };
}

const ways = {
  bias: await trainWith('bias'),
  'batch-wise loss': await trainWith('batch-aux'),
  'sequence-wise loss': await trainWith('sequence-aux'),
};
for (const [name, { vio, loss }] of Object.entries(ways)) {
  console.log(
    `${name.padEnd(18)} MaxVio of the last 50 batches ${vio.toFixed(2)}, loss on held-out text ${loss.toFixed(2)}`,
  );
}
for (const [name, { byKind }] of Object.entries(ways)) {
  await display({
    kind: 'grid',
    title: `Load of each expert by kind of text: ${name}`,
    x: 'expert',
    y: '',
    values: byKind,
    rows: kinds,
    darkest: 3,
  });
}

// %% [markdown]
// The batches are balanced about equally well (a MaxVio of 7 would be a collapsed router, see lesson 3). But look at
// the rows of the pictures. With the bias and with the batch-wise loss, the three rows are not alike: some experts are
// dark for mathematics and white for prose. With the sequence-wise loss all cells have nearly the same shade.
//
// To put a number on it, we compare two kinds of text: what share of the choices in the one would have to fall on
// another expert, until it used the experts as the other does? 0 means that both use all experts alike, and 1 means
// that they have no expert in common.

// %%
const distance = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, load, expert) => sum + Math.abs(load - b[expert]!), 0) / (2 * numExperts);
const pairs = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const;
const distances: Record<string, number> = {};
for (const [name, { byKind }] of Object.entries(ways)) {
  const each = pairs.map(([a, b]) => distance(byKind[a]!, byKind[b]!));
  distances[name] = mean(each);
  console.log(name.padEnd(18), pairs.map(([a, b], i) => `${kinds[a]}-${kinds[b]} ${each[i]!.toFixed(2)}`).join(', '));
}
const ofSequence = distances['sequence-wise loss']!;
console.log('the bias separates kinds more than twice as much:', distances.bias! > 2 * ofSequence);
console.log('so does the batch-wise loss:', distances['batch-wise loss']! > 2 * ofSequence);
await display({
  kind: 'bars',
  title: 'How differently two kinds of text use the experts, mean of three pairs',
  x: '',
  y: 'share of the choices',
  values: distances,
});

// %% [markdown]
// This is the pattern of figure 9 in the report, which shows models of 16 billion parameters on Wikipedia, GitHub and
// mathematics: with the bias, single experts rise far above an equal share for one kind of text; with the auxiliary
// loss, the loads stay flat. And the batch-wise loss shows that it does not matter whether there is a loss or a bias.
// What counts is **over how much text** one balances.
//
// ## What is an expert for?
//
// An expert whose load is high for mathematics: what does it do? We let the model with the bias read some more text
// that was held out of the training, and ask its router where each letter went. Here are the four experts whose loads
// differ most between the kinds of text, with the letters that they are chosen for most.

// %%
const { model } = await loadModelFrom(ways.bias.store);
const letters = Array.from({ length: numExperts }, () => new Map<string, number>());
for (const kind of kinds.keys()) {
  for (const text of dataset
    .heldOutText(kind)
    .slice(0, 1920)
    .match(/[\s\S]{1,64}/g)!) {
    const ids = Array.from(dataset.tokenizer.encode(text));
    const [routing] = await routingOf(model, ids);
    for (const [i, expert] of routing!.chosen.entries()) {
      const letter = JSON.stringify(dataset.tokenizer.decode([ids[Math.floor(i / 2)]!])).slice(1, -1); // 2 for each
      letters[expert]!.set(letter, (letters[expert]!.get(letter) ?? 0) + 1);
    }
  }
}
model.dispose();
const spread = (expert: number) => {
  const loads = ways.bias.byKind.map((row) => row[expert]!);
  return Math.max(...loads) - Math.min(...loads);
};
const special = Array.from({ length: numExperts }, (_, expert) => expert).sort((a, b) => spread(b) - spread(a));
for (const expert of special.slice(0, 4)) {
  const favourites = [...letters[expert]!].sort((a, b) => b[1] - a[1]).slice(0, 8);
  const loads = kinds.map((kind, i) => `${kind} ${ways.bias.byKind[i]![expert]!.toFixed(1)}`);
  console.log(`expert ${expert}: ${loads.join(', ')}`);
  console.log(`  ${favourites.map(([letter]) => (letter === ' ' ? 'space' : letter)).join('  ')}`);
}

// %% [markdown]
// These experts are for digits and what stands next to them. That is what separates the kinds of text for a model that
// reads single bytes and has one layer of experts: mathematics is full of digits, and the others have few. Prose and
// code share most of their letters, and so they share most of their experts. Do not read more into it: here, experts
// are for characters and not for subjects.
//
// ## Does it pay?
//
// The three losses above are within a few hundredths of each other, and one run of each proves nothing about so small a
// difference. The report trained models of 1 billion parameters in all three ways. Their losses on held-out text were
// 2.258 with the sequence-wise loss, and 2.253 with the bias and with the batch-wise loss; at 3 billion parameters they
// were 2.085, 2.080 and 2.080 (section 4.5.3). So the gain is small, and it comes from balancing over more text: the
// batch-wise loss does as well as the bias. Our own study, with five seeds and longer runs, cannot see a difference in
// the losses, but it sees the one in the experts clearly: [docs/results.md](../docs/results.md#balance-scope).
//
// ## The dangerous side
//
// Experts that specialise are balanced as long as the texts are mixed. **Guess:** the model is put to use, and one day
// all requests are about mathematics. With which of the three does the busiest expert have the most to do?

// %%
const worst = Object.fromEntries(
  Object.entries(ways).map(([name, { byKind }]) => [name, byKind.map((loads) => loadStatistics(loads).maxVio)]),
);
for (const [name, vios] of Object.entries(worst)) {
  console.log(`${name.padEnd(18)} MaxVio ${kinds.map((kind, i) => `${kind} ${vios[i]!.toFixed(2)}`).join(', ')}`);
}
await display({
  kind: 'bars',
  title: 'MaxVio when all text is mathematics',
  x: '',
  y: 'MaxVio',
  values: Object.fromEntries(Object.entries(worst).map(([name, vios]) => [name, vios[2]!])),
});

// %% [markdown]
// With the bias, closely followed by the batch-wise loss. A batch of one kind of text is what they have never balanced.
// The report names two such cases, and what it does about them (section 4.5.3):
//
// * **Single sequences and small batches** can be uneven in training. DeepSeek trains on so many graphics cards (GPUs)
//   together that even a small part of a batch holds many texts. In addition there is a sequence-wise loss after all,
//   with an $\alpha$ of only 0.0001, "to prevent extreme imbalance within any single sequence" (section 2.1.2). We used
//   0.1, a thousand times as much.
// * **The texts change** once the model is in use. Then copies of the busiest experts are placed on further GPUs, and
//   which ones they are is decided anew about every ten minutes (section 3.4).
//
// ## Exercise
//
// Write the loss of one sequence (equations 17 to 20, without $\alpha$). You get the affinities of each token for each
// expert, and how many experts a token chooses.

// %% [exercise]
function sequenceLoss(affinities: readonly (readonly number[])[], chosen: number): number {
  return 0 * affinities.length * chosen; // your turn
}

// %% [solution]
// function sequenceLoss(affinities: readonly (readonly number[])[], chosen: number): number {
//   const experts = affinities[0]!.length;
//   const f = new Array<number>(experts).fill(0);
//   const P = new Array<number>(experts).fill(0);
//   for (const s of affinities) {
//     const total = s.reduce((sum, x) => sum + x, 0);
//     const order = s.map((_, i) => i).sort((a, b) => s[b]! - s[a]!);
//     for (const i of order.slice(0, chosen)) f[i]! += experts / (chosen * affinities.length);
//     for (const i of order) P[i]! += s[i]! / total / affinities.length;
//   }
//   return f.reduce((sum, load, i) => sum + load * P[i]!, 0);
// }

// %%
const random = createRandom(5);
const isRight = [
  { tokens: 4, experts: 4, chosen: 2 },
  { tokens: 7, experts: 16, chosen: 3 },
].every(({ tokens, experts, chosen }) => {
  const affinities = Array.from({ length: tokens }, () => Array.from({ length: experts }, () => random.next()));
  const logits = tf.tensor2d(affinities.map((row) => row.map((s) => Math.log(s / (1 - s)))));
  const record = { layer: 0, logits, topkIndices: tf.topk(logits, chosen).indices, sequences: 1 };
  const loss = balanceLoss(
    record,
    { ...router, numExpertsPerTok: chosen },
    { scope: 'sequence', selection: 'affinity' },
  );
  return Math.abs(sequenceLoss(affinities, chosen) - loss.dataSync()[0]!) < 1e-4;
});
console.log(
  isRight ? 'Right: that is the balance loss.' : 'Not yet: multiply load and affinity of each expert, and add.',
);

// %% [markdown]
// ## What to remember
//
// * The balance loss multiplies what was counted (load, without a gradient) with what can be trained (affinity).
// * Balanced within each text, all texts use the experts alike. Balanced over a batch, by a loss or by a bias, kinds of
//   text may use experts of their own.
// * What is balanced over mixed texts is uneven for one kind of text. Serving has to be prepared for that.
//
// **Next:** [6. Multi-token prediction and drafting](06-multi-token-prediction.ipynb)
