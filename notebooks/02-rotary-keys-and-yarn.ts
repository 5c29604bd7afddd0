// %% [markdown]
// # 2. Rotary keys and YaRN
//
// *About 15 minutes. It runs in a few seconds.*
//
// DeepSeek-V3 was trained on texts of 4,096 tokens. Then, in 2,000 more steps, it learned to read 131,072 (the report
// says 128K). That is not much training for texts 32 times as long. It was enough because the model's sense of position
// was stretched first, with care. This lesson shows what that sense is, why it breaks beyond the trained length, and
// how to stretch it.
//
// You will
//
// 1. turn a pair of numbers by its position, and see that only distances count;
// 2. find out which pairs know the whole circle, and which have not;
// 3. watch attention fail beyond the trained length;
// 4. stretch positions in two ways: the plain way, and YaRN.
//
// The source is section 4.3 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)) and the
// papers on rotary embeddings ([arXiv:2104.09864](https://arxiv.org/abs/2104.09864)), on position interpolation
// ([arXiv:2306.15595](https://arxiv.org/abs/2306.15595)) and on YaRN
// ([arXiv:2309.00071](https://arxiv.org/abs/2309.00071)).

// %%
import {
  activateBackend,
  display,
  extendContext,
  modelPreset,
  planExtension,
  rotaryFrequencies,
  softmaxScale,
  tf,
  trainPreset,
} from 'tinyseek';

await activateBackend('cpu');

// %% [markdown]
// ## Turning by position
//
// Take two numbers of a query and draw them as an arrow in the plane. Now turn the arrow by an angle that grows with
// the position of the token: at position $m$ by $m \theta$. Do the same with the key: at position $n$ by $n \theta$.
// Then compare the two, as attention does, by their product.
//
// **Before you go on, guess:** the query stands at position 10 and the key at position 7. What happens to their product
// if both move on by 1,000 places?

// %%
type Pair = readonly [number, number];
const turn = ([x, y]: Pair, angle: number): Pair => [
  x * Math.cos(angle) - y * Math.sin(angle),
  x * Math.sin(angle) + y * Math.cos(angle),
];
const product = (a: Pair, b: Pair) => a[0] * b[0] + a[1] * b[1];

const query: Pair = [1, 0.5];
const key: Pair = [0.8, -0.3];
const theta = 0.1;
for (const [m, n] of [
  [10, 7],
  [1010, 1007],
  [10, 2],
  [1010, 1002],
] as const) {
  const score = product(turn(query, m * theta), turn(key, n * theta));
  console.log(`query at ${m}, key at ${n}: distance ${m - n}, product ${score.toFixed(4)}`);
}

// %% [markdown]
// Nothing happens. Both arrows turn by the same angle, and the angle between them stays. Only the distance $m - n$
// counts. That is the whole idea of a **rotary embedding** (RoPE).
//
// One pair is a poor clock, since it says the same thing after every full turn. So a rotary key has many pairs, and
// each turns at its own speed. Pair $i$ of a key with $D$ numbers turns by $\theta_i$ for each token:
//
// $$\theta_i = b^{-2i/D}$$
//
// DeepSeek-V3 has $D = 64$ and $b = 10{,}000$: 32 pairs, the first one fast and the last one slow, like the hands of a
// clock. The length of text in which a pair turns once is its **wavelength**, $2\pi / \theta_i$.
//
// **Guess:** a text has 4,096 tokens. How many of the 32 pairs turn at least once in it?

// %%
const v3 = modelPreset('deepseek-v3');
const trained = 4096;
const plain = rotaryFrequencies({ ...v3, ropeScaling: null });
const wavelengths = plain.map((frequency) => (2 * Math.PI) / frequency);
for (const pair of [0, 5, 10, 15, 20, 22, 23, 31]) {
  const wavelength = wavelengths[pair]!;
  const turns = (trained / wavelength).toFixed(2);
  console.log(
    `pair ${String(pair).padStart(2)}: once in ${wavelength.toFixed(0)} tokens, ${turns} turns in ${trained}`,
  );
}
console.log(`pairs that turn at least once: ${wavelengths.filter((wavelength) => wavelength <= trained).length}`);
await display({
  kind: 'lines',
  title: 'Wavelengths of the rotary pairs of DeepSeek-V3',
  x: 'pair',
  y: 'tokens',
  isLogarithmic: true,
  series: {
    wavelength: wavelengths.map((wavelength, i) => [i, wavelength] as const),
    'trained length': plain.map((_, i) => [i, trained] as const),
    'extended length': plain.map((_, i) => [i, 128 * 1024] as const),
  },
});

// %% [markdown]
// 23 pairs have been all around the circle. Whatever angle a longer text brings, they have met it. The other 9 have
// not. The slowest pair has turned by less than a tenth of the circle. At every distance that the model ever saw, its
// cosine was between 1 and 0.85. At a distance of 23,559 tokens it is −1:

// %%
const slowest = plain.at(-1)!;
for (const distance of [0, 2048, 4095, 12_000, 23_559]) {
  console.log(`distance ${distance}: cosine of the slowest pair ${Math.cos(distance * slowest).toFixed(2)}`);
}

// %% [markdown]
// ## Beyond the trained length
//
// Does it matter? Let us make one head that likes near tokens. Its score is a sum over the pairs, each with a weight
// for its cosine and one for its sine. These weights come from the query and the key. We fit them by gradient descent
// so that the score falls evenly from 1 to −1, over the distances that the model was trained at.
//
// **Guess:** what will the score be for tokens further away: about −1, or something else?

// %%
/** Cosines and sines of all pairs at each distance. */
const features = (distances: readonly number[], frequencies: readonly number[]) =>
  tf.tensor2d(distances.map((d) => frequencies.flatMap((f) => [Math.cos(d * f), Math.sin(d * f)])));

const seen = Array.from({ length: 256 }, (_, i) => i * 16);
const wanted = tf.tensor2d(seen.map((distance) => [1 - (2 * distance) / trained]));
const inputs = features(seen, plain);
let weights = tf.zeros([2 * plain.length, 1]);
for (let step = 0; step < 1500; step++) {
  weights = tf.tidy(() => {
    const error = tf.sub(wanted, tf.matMul(inputs, weights));
    return tf.add(weights, tf.mul(0.05 / seen.length, tf.matMul(inputs, error, true, false)));
  });
}

const scoresOf = (distances: readonly number[], frequencies: readonly number[]) => [
  ...tf.matMul(features(distances, frequencies), weights).dataSync(),
];
for (const distance of [0, 1000, 2000, 4000, 8000, 16_000, 24_000, 32_000]) {
  const score = scoresOf([distance], plain)[0]!.toFixed(2);
  console.log(
    `distance ${String(distance).padStart(5)}: score ${score}${distance < trained ? '' : ' (never trained)'}`,
  );
}

/** Share of the attention that goes to the nearest 1,024 tokens, in a text of this length. Counts each 16th token. */
function attentionToNear(length: number, change = (score: number, _distance: number) => score): string {
  const distances = Array.from({ length: length / 16 }, (_, i) => i * 16);
  const scores = scoresOf(distances, plain).map((score, i) => change(score, distances[i]!));
  const attention = scores.map((score) => Math.exp(4 * score)); // 4: a head that knows what it likes
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return `${Math.round((100 * sum(attention.slice(0, 64))) / sum(attention))}%`;
}
const asHoped = (score: number, distance: number) => (distance < trained ? score : -1);
console.log('attention to the nearest 1,024 tokens');
console.log(`  in a text of 4,096: ${attentionToNear(trained)}`);
console.log(`  in a text of 131,072: ${attentionToNear(128 * 1024)}`);
console.log(`  the same, if the score stayed at -1: ${attentionToNear(128 * 1024, asHoped)}`);

// %% [markdown]
// Within the trained length the score falls as it should. Beyond it the score jumps up. To this head, a token 32,000
// places back looks nearly as near as one 1,000 places back. There are very many such tokens, and together they take
// the attention away from the near ones. That the text is longer explains only a small part of it, as the last line
// shows.
//
// The fast pairs cannot be blamed: they have been everywhere. The slow ones have come to angles for which no weight was
// ever trained.
//
// ## Stretching everything: position interpolation
//
// The remedy sounds simple. A text 40 times as long? Divide all positions by 40, which is the same as dividing all
// frequencies by 40. Then no pair turns further than in training. This is **position interpolation**. In TinySeek,
// `extendContext` changes the settings of a model in this way.
//
// It has a price. Take another head, which looks for the token exactly three places back. Each of its pairs fits best
// at distance 3, so its score is a sum of $\cos(d\,\theta_i - 3\,\theta_i)$. As trained, it tells 3 from 4.
//
// **Guess:** after all positions are divided by 40, at which distance is its score highest?

// %%
const factor = 40;
const untouched = { ...v3, ropeScaling: null };
const interpolated = rotaryFrequencies(extendContext(untouched, { factor, type: 'linear', trainedLength: trained }));

/** Score of the head that looks three places back; at most 1. */
const threeBack = (distance: number, frequencies: readonly number[]) =>
  frequencies.reduce((sum, frequency, i) => sum + Math.cos(distance * frequency - 3 * plain[i]!), 0) / plain.length;
const best = (frequencies: readonly number[]) => {
  const scores = Array.from({ length: trained }, (_, distance) => threeBack(distance, frequencies));
  return scores.indexOf(Math.max(...scores));
};
const describe = (name: string, frequencies: readonly number[]) => {
  const [three, four] = [3, 4].map((distance) => threeBack(distance, frequencies).toFixed(3));
  console.log(`${name.padEnd(12)} 3 back: ${three}, 4 back: ${four}, highest at distance ${best(frequencies)}`);
};
describe('as trained', plain);
describe('interpolated', interpolated);

// %% [markdown]
// At 120, which is 3 times 40. The tokens 3 and 4 back are now nearly the same to this head, and it has even come to
// like the wrong one more. More training can move the peak, but sharpness is harder to get back: at every pair, the
// angle between neighbours is 40 times smaller than before. And a language model needs the order of near tokens all the
// time.
//
// ## YaRN: stretch what has to be stretched
//
// The fast pairs see short distances, and they know the whole circle. They need no help. The slow pairs see long
// distances, and they need it. So **YaRN** treats them differently:
//
// * A pair that turns at least $\beta_\text{fast} = 32$ times in the trained length keeps its frequency.
// * A pair that turns less often than $\beta_\text{slow} = 1$ time is divided by the factor $s$, as in interpolation.
// * Between the two, a ramp $\gamma_i$ falls from 1 to 0:
//
// $$\theta'_i = \gamma_i \, \theta_i + (1 - \gamma_i) \, \frac{\theta_i}{s}$$
//
// The report gives $s = 40$ and both betas, but not the shape of the ramp. The YaRN paper has it linear in the number
// of turns. DeepSeek's released code has it linear in the number $i$ of the pair, and TinySeek follows the code.
//
// **Guess:** how many of the 32 pairs keep their frequency?

// %%
/** The pair, as a number with a fraction, that turns this many times in the trained length. */
const pairTurning = (turns: number) =>
  (v3.qkRopeHeadDim * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(v3.ropeTheta));
const rampStart = Math.floor(pairTurning(32));
const rampEnd = Math.ceil(pairTurning(1));
const byHand = plain.map((frequency, i) => {
  const gamma = 1 - Math.min(Math.max((i - rampStart) / (rampEnd - rampStart), 0), 1);
  return gamma * frequency + ((1 - gamma) * frequency) / factor;
});

const extended = extendContext(untouched, { factor, trainedLength: trained });
const yarn = rotaryFrequencies(extended);
const isSame = byHand.every((frequency, i) => Math.abs(frequency / yarn[i]! - 1) < 1e-9);
console.log(`the ramp begins after pair ${rampStart} and ends at pair ${rampEnd}`);
console.log(`the library computes the same: ${isSame ? 'yes' : 'no'}`);
const divisors = plain.map((frequency, i) => frequency / yarn[i]!);
console.log(`pairs unchanged: ${divisors.filter((divisor) => divisor < 1.000001).length}`);
console.log(`pairs divided by ${factor}: ${divisors.filter((divisor) => divisor > factor - 0.000001).length}`);
await display({
  kind: 'lines',
  title: 'What the frequency of each pair is divided by',
  x: 'pair',
  y: 'divided by',
  isLogarithmic: true,
  series: {
    'position interpolation': plain.map((_, i) => [i, factor] as const),
    YaRN: divisors.map((divisor, i) => [i, divisor] as const),
  },
});

// %% [markdown]
// A third of the pairs are left alone, and 9 are divided by 40. These 9 are the ones that never turned once.
//
// Now both heads again. First the one that looks three places back:

// %%
describe('as trained', plain);
describe('interpolated', interpolated);
describe('YaRN', yarn);
const near = Array.from({ length: 13 }, (_, distance) => distance);
const nearCurve = (frequencies: readonly number[]) => near.map((d) => [d, threeBack(d, frequencies)] as const);
await display({
  kind: 'lines',
  title: 'A head that looks three places back',
  x: 'distance',
  y: 'score',
  series: {
    'as trained': nearCurve(plain),
    'position interpolation': nearCurve(interpolated),
    YaRN: nearCurve(yarn),
  },
});

// %% [markdown]
// With YaRN the head works as before: its curve covers that of the model as trained. And the head that likes near
// tokens, in the long text?

// %%
const distances = Array.from({ length: 129 }, (_, i) => i * 1024);
const farCurve = (frequencies: readonly number[]) => {
  const scores = scoresOf(distances, frequencies);
  return distances.map((distance, i) => [distance, scores[i]!] as const);
};
for (const [name, frequencies] of Object.entries({ 'as trained': plain, interpolated, YaRN: yarn })) {
  const scores = scoresOf([4000, 16_000, 32_000, 64_000, 128_000], frequencies);
  console.log(`${name.padEnd(12)} ${scores.map((score) => score.toFixed(2).padStart(5)).join(' ')}`);
}
await display({
  kind: 'lines',
  title: 'A head that likes near tokens, in a text of 131,072 tokens',
  x: 'distance',
  y: 'score',
  series: {
    'as trained': farCurve(plain),
    'position interpolation': farCurve(interpolated),
    YaRN: farCurve(yarn),
  },
});

// %% [markdown]
// The printed scores are for distances of 4,000, 16,000, 32,000, 64,000 and 128,000. Position interpolation falls most
// evenly. YaRN makes waves, since its faster pairs go on turning, but near is high and far is low. It gives up a little
// order at long distances and keeps the sharpness at short ones. Both have stretched what the head calls near, since
// its weights are still those of short texts. Getting used to that is what the training afterwards is for.
//
// These heads are made by hand. What happens to a trained model, in miniature, is measured in TinySeek's own study:
// [docs/results.md](../docs/results.md#long-context).
//
// ## The temperature
//
// One thing is left. In a longer text there are more tokens to look at. Suppose that one token scores 8 more than all
// others, which are equal.
//
// **Guess:** in a text of 4,096 tokens it gets less than half of the attention. How much is left for it in 131,072?

// %%
/** Attention to one token that scores `lead` more than each of the others. */
const share = (lead: number, tokens: number) => Math.exp(lead) / (Math.exp(lead) + tokens - 1);
const mscale = 0.1 * Math.log(factor) + 1;
const scoreFactor = softmaxScale(extended) / softmaxScale(untouched);
console.log(`4096 tokens: ${(100 * share(8, trained)).toFixed(1)}%`);
console.log(`131072 tokens: ${(100 * share(8, 131_072)).toFixed(1)}%`);
console.log(`mscale ${mscale.toFixed(4)}, its square ${(mscale ** 2).toFixed(4)}`);
console.log(`the library multiplies scores by ${scoreFactor.toFixed(4)}`);
console.log(`131072 tokens with that: ${(100 * share(8 * scoreFactor, 131_072)).toFixed(1)}%`);

// %% [markdown]
// So YaRN makes scores larger, which makes attention sharper. Queries and keys are each multiplied by
//
// $$\sqrt{t} = 0.1 \ln s + 1$$
//
// (in the report's notation; the settings call it `mscale`), and so a score is multiplied by its square. In our simple
// case this is more than enough. The formula does not follow from such a count: the YaRN paper found it by trying.
//
// Note a difference. The report says that YaRN is applied to the rotary key alone. That is true of the frequencies. The
// temperature, in the released code, multiplies the whole score, and so its part about
// content as well.
//
// ## Two stages
//
// After the change of frequencies the model is trained a little more, so that it gets used to them. The report does
// this in two stages of 1,000 steps each: texts of 32K tokens, then of 128K. In both, the learning rate is
// $7.3 \times 10^{-6}$, with which pre-training ended. The factor is 40 in both, although the first stage reads only 8
// times the trained length.
//
// **Guess:** texts in the second stage are four times as long. What happens to the number of texts in a step?

// %%
// As in the report's pre-training (section 4.2): texts of 4K tokens, 15,360 of them in a step.
const preTraining = { ...trainPreset('tiny'), seqLen: trained, batchSize: 15_360 };
for (const { context, train } of planExtension(untouched, preTraining, { factor, lengths: [32 * 1024, 128 * 1024] })) {
  const million = ((train.seqLen * train.batchSize) / 1e6).toFixed(1);
  console.log(`${train.batchSize} texts of ${train.seqLen} tokens, ${million} million tokens in a step`);
  console.log(`  positions reach to ${context.maxPositionEmbeddings}, factor ${context.ropeScaling?.factor}`);
}

// %% [markdown]
// 1,920 and 480 are the report's own batch sizes (section 4.3). Each stage reads as many tokens in a step as
// pre-training did. The report tested the finished model with a sentence hidden in a long text. It says that the model
// does well at all lengths up to 128K (figure 8).
//
// ## Exercise
//
// A model has rotary keys of `rotary` numbers, with frequencies from `base`. It was trained at `length` tokens, and
// shall read `wanted` tokens. How many pairs turn at least once in the trained length? And by what does YaRN multiply a
// score, with the smallest factor that is enough? Return both.

// %% [exercise]
interface Question {
  rotary: number;
  base: number;
  length: number;
  wanted: number;
}

function stretch({ rotary, base, length, wanted }: Question): { fullPairs: number; scoreFactor: number } {
  return { fullPairs: 0 * rotary * base, scoreFactor: 0 * length * wanted }; // your turn
}

// %% [solution]
// interface Question {
//   rotary: number;
//   base: number;
//   length: number;
//   wanted: number;
// }
//
// function stretch({ rotary, base, length, wanted }: Question): { fullPairs: number; scoreFactor: number } {
//   let fullPairs = 0;
//   for (let i = 0; i < rotary / 2; i++) {
//     const wavelength = 2 * Math.PI * base ** ((2 * i) / rotary);
//     if (wavelength <= length) fullPairs++;
//   }
//   return { fullPairs, scoreFactor: (0.1 * Math.log(wanted / length) + 1) ** 2 };
// }

// %%
const answers = [
  { rotary: 64, base: 10_000, length: 4096, wanted: 163_840, fullPairs: 23, scoreFactor: 1.8739 },
  { rotary: 32, base: 10_000, length: 1024, wanted: 8192, fullPairs: 9, scoreFactor: 1.4591 },
  { rotary: 16, base: 500_000, length: 512, wanted: 2048, fullPairs: 3, scoreFactor: 1.2965 },
];
const isRight = answers.every((answer) => {
  const found = stretch(answer);
  return found.fullPairs === answer.fullPairs && Math.abs(found.scoreFactor - answer.scoreFactor) < 1e-3;
});
console.log(
  isRight
    ? 'Right: with short keys and short texts, few pairs know the whole circle.'
    : 'Not yet: try DeepSeek-V3 itself, where 23 pairs turn at least once.',
);

// %% [markdown]
// ## What to remember
//
// * A rotary key turns its pairs by angles that grow with the position, so a product depends on the distance alone.
// * Slow pairs have not seen the whole circle in training. Beyond the trained length they mislead attention.
// * Position interpolation squeezes all pairs and loses sharp short distances. YaRN spares the fast pairs, stretches
//   the slow ones and makes attention sharper.
// * In the report, 2,000 steps were enough for 32 times the length.
//
// **Next:** [3. Experts and why routers collapse](03-experts-and-routers.ipynb)
