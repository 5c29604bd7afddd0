// %% [markdown]
// # 10. What it cost
//
// *About 10 minutes. It runs in a few seconds.*
//
// One number of the DeepSeek-V3 report went around the world: 5.576 million dollars. Some found it unbelievable, and
// some repeated it as the price of everything. This lesson takes it apart, until you can build it yourself and say what
// is in it and what is not.
//
// You will
//
// 1. rebuild the number from four others;
// 2. check those against arithmetic;
// 3. see what makes this model cheap to train for its size;
// 4. price a model of your own.
//
// The source is section 1 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), with its
// table 1.

// %%
import { countParameters, display, h800, modelPreset, trainingCost } from 'tinyseek';

const v3 = modelPreset('deepseek-v3');
const million = (dollars: number) => `${(dollars / 1e6).toFixed(3)} million dollars`;

// %% [markdown]
// ## Table 1
//
// The report does not say how much money was paid. It counts the hours of graphics cards (GPUs), and **assumes** a rent
// of 2 dollars for each. A trillion tokens of pre-training took 180,000 GPU hours, and there were 14.8 trillion tokens.
// The extension to long texts took 119,000 hours, and everything afterwards 5,000.
//
// **Before you go on, work it out:** 180,000 times 14.8, plus the two others, times two.

// %%
const cost = trainingCost(v3);
const parts = {
  'pre-training': cost.preTraining,
  'longer context': cost.contextExtension,
  'post-training': cost.postTraining,
  total: cost.total,
};
for (const [name, { gpuHours, dollars }] of Object.entries(parts))
  console.log(`${name.padEnd(15)} ${String(gpuHours / 1000).padStart(5)} thousand hours, ${million(dollars)}`);
await display({
  kind: 'bars',
  title: 'Where the hours went',
  x: '',
  y: 'thousand GPU hours',
  values: Object.fromEntries(
    Object.entries(parts)
      .filter(([name]) => name !== 'total')
      .map(([name, { gpuHours }]) => [name, gpuHours / 1000]),
  ),
});

// %% [markdown]
// Almost everything is pre-training. Teaching the model to answer and to reason (lesson 9) cost 5,000 hours, which is
// less than one part in five hundred.
//
// With 2,048 GPUs, how long did it take?

// %%
console.log(`a trillion tokens: ${cost.daysPerTrillionTokens.toFixed(1)} days`);
console.log(`all of pre-training: ${cost.days.toFixed(0)} days`);
console.log('post-training is less than 1/500:', cost.postTraining.gpuHours * 500 < cost.total.gpuHours);

// %% [markdown]
// The report says "less than two months", and 3.7 days for a trillion tokens.
//
// ## Is it plausible?
//
// Let us check the 180,000 hours. A matrix of $n$ numbers takes $2n$ operations for each token: a product and a sum for
// each number. Training goes forward once and backward with twice the work, so it is $6n$. The attention to earlier
// tokens comes on top. What counts is not the 671 billion parameters of the model, but those that a token meets.
//
// **Guess:** an H800 can do 989 trillion operations a second in bfloat16, and twice as many in 8 bits. What share of
// the bfloat16 peak did DeepSeek have to reach?

// %%
const counts = countParameters(v3);
console.log(`parameters: ${(counts.total / 1e9).toFixed(0)} billion`);
console.log(`met by a token: ${(counts.activeWithoutEmbedding / 1e9).toFixed(1)} billion`);
console.log(`6 times that: ${((6 * counts.activeWithoutEmbedding) / 1e9).toFixed(0)} billion operations a token`);
console.log(`with attention: ${(cost.flopsPerToken / 1e9).toFixed(0)} billion`);
const perSecond = cost.flopsPerGpuSecond / 1e12;
console.log(`in 180,000 hours for a trillion tokens: ${perSecond.toFixed(0)} trillion a second and GPU`);
console.log(`share of the bfloat16 peak: ${((100 * cost.flopsPerGpuSecond) / h800.bf16Flops).toFixed(0)} %`);

// %% [markdown]
// That is a good share, but nobody has to believe in wonders. Most products ran in 8 bits (lesson 7), whose peak is
// twice as high, so it is about a fifth of what those could do.
//
// ## Why so cheap for its size?
//
// Because a token meets little of the model. What if it met all of it? A model without experts, in which each token
// uses all 671 billion parameters, would take for each token

// %%
const ratio = counts.total / counts.activeWithoutEmbedding;
console.log(
  `${ratio.toFixed(0)} times the work, so about ${((cost.preTraining.dollars * ratio) / 1e6).toFixed(0)} million`,
);
const tokens = [1, 2, 5, 10, 14.8, 20, 30];
await display({
  kind: 'lines',
  title: 'Pre-training of DeepSeek-V3, and of a model of its size without experts',
  x: 'trillion tokens',
  y: 'million dollars',
  isLogarithmic: true,
  series: {
    'DeepSeek-V3': tokens.map((n) => [n, trainingCost(v3, { tokens: n * 1e12 }).preTraining.dollars / 1e6] as const),
    'without experts': tokens.map(
      (n) => [n, (ratio * trainingCost(v3, { tokens: n * 1e12 }).preTraining.dollars) / 1e6] as const,
    ),
  },
});

// %% [markdown]
// This is a rough estimate: it scales everything with the parameters, and a dense model of that size would be built in
// another way. But it shows the order of magnitude of what lessons 3 and 4 are about.
//
// ## What is not in it
//
// The report says so itself: the number is for the official training alone. It does **not** include earlier research,
// and the experiments with architectures, methods and data. It also leaves out the salaries, and buying the cluster
// instead of renting it. Nobody can start today with 5.576 million dollars and no experience, and have such a model in
// two months. But it is what the last run costs one who knows how to do it.
//
// ## A model of your own
//
// TinySeek's `small` trains on a laptop. What would it cost on that cluster, with as many tokens as DeepSeek-V3 had?

// %%
const small = trainingCost(modelPreset('small'));
console.log(`parameters: ${(countParameters(modelPreset('small')).total / 1e6).toFixed(1)} million`);
console.log(`pre-training: ${small.preTraining.gpuHours.toFixed(0)} GPU hours`);
console.log(small.assumptions.at(-1));

// %% [markdown]
// ## Exercise
//
// You have a million dollars for the pre-training of a model with the shape of DeepSeek-V3, and GPUs at 2 dollars an
// hour. How many trillion tokens can you afford? Let the function work it out for any budget and price.

// %% [exercise]
function affordableTrillions(dollars: number, gpuHourPrice: number): number {
  return 0 * dollars * gpuHourPrice; // your turn
}

// %% [solution]
// function affordableTrillions(dollars: number, gpuHourPrice: number): number {
//   return dollars / gpuHourPrice / 180_000;
// }

// %%
const isRight = [
  [1e6, 2],
  [5e6, 1.5],
].every(([dollars, price]) => {
  const trillions = affordableTrillions(dollars!, price!);
  if (!(trillions > 0)) return false;
  const { preTraining } = trainingCost(v3, { tokens: trillions * 1e12, gpuHourPrice: price! });
  return Math.abs(preTraining.dollars / dollars! - 1) < 1e-6;
});
console.log(
  isRight
    ? `Right: a million dollars buys ${affordableTrillions(1e6, 2).toFixed(2)} trillion tokens.`
    : 'Not yet: how many GPU hours does the money buy?',
);

// %% [markdown]
// ## What to remember
//
// * 5.576 million dollars are 2.788 million GPU hours at an assumed price of 2 dollars. It is the price of one run.
// * Research, failed experiments, people and machines are not in it.
// * Training costs in proportion to the parameters that a token *meets*, and that is why experts pay.
//
// This is the last lesson. From here, [docs/results.md](../docs/results.md) shows what TinySeek's own studies found.
