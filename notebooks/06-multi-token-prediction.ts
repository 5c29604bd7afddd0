// %% [markdown]
// # 6. Multi-token prediction and drafting
//
// *About 15 minutes. It runs in about a minute.*
//
// A language model learns to predict the next token. DeepSeek-V3 also learns to predict the one after that. The report
// has two reasons: the model has to plan a little further ahead, and the second prediction can make it write faster,
// without a change in what it writes.
//
// You will
//
// 1. line up what is read and what has to be predicted;
// 2. train a small model that predicts two tokens;
// 3. let it write with *drafts*, and check that not one token differs;
// 4. count what the drafts save.
//
// The source is section 2.2 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), equations
// 21 to 25, and section 5.4.3.

// %%
import {
  activateBackend,
  createDecoder,
  createGenerator,
  defaultSampling,
  display,
  embeddingsAtDepth,
  labelsAtDepth,
  loadModelFrom,
  memoryStore,
  modelPreset,
  tf,
  train,
  trainPreset,
} from 'tinyseek';

await activateBackend('engine', { threads: 1 });

// %% [markdown]
// ## Who reads what
//
// The main model reads tokens 0 to $i$ and predicts token $i + 1$. Its last hidden state at that place, $h_i$, sums up
// what it has read. The **MTP module** is one more transformer layer on top. At place $i$ it gets two things: the
// hidden state $h_i$, and the embedding of token $i + 1$, which is the one that the main model was to predict. From
// both (equation 21) it makes
//
// $$h'_i = M \, [\mathrm{RMSNorm}(h_i) \, ; \, \mathrm{RMSNorm}(\mathrm{Emb}(t_{i+1}))]$$
//
// and predicts token $i + 2$. (RMSNorm brings a vector to a standard length, the semicolon puts two vectors end to end,
// and $M$ is a matrix.) The module uses the embedding and the output head of the main model and has none of its own.
//
// **Before you go on, guess:** a row has the six words below. At the place of *whale*, what does the MTP module read,
// and what does it have to predict?

// %%
const words = ['the', 'whale', 'swam', 'under', 'our', 'ship'];
const ids = tf.tensor2d([[0, 1, 2, 3, 4, 5]], undefined, 'int32');
const asEmbeddings = tf.reshape<tf.Rank.R3>(tf.slice(ids, [0, 0], [1, 5]), [1, 5, 1]); // each "embedding" is its own id
for (const depth of [0, 1]) {
  const read = embeddingsAtDepth(asEmbeddings, depth).dataSync();
  const labels = labelsAtDepth(ids, depth).dataSync();
  console.log(depth === 0 ? 'main model' : 'MTP module');
  for (const [i, label] of labels.entries()) {
    const state = depth === 0 ? '' : `the state at ${words[i]!.padEnd(5)} and `;
    console.log(`  place ${i} reads ${state}${words[read[i]!]!.padEnd(5)} and predicts ${words[label]}`);
  }
}

// %% [markdown]
// At *whale* it reads the state at *whale* and the word *swam*, and has to say *under*. It never sees what it has to
// predict, nor anything later. The last place has no label at this depth, so the row is one shorter.
//
// Both predictions are trained together. The second counts less, with the weight $\lambda$ (equation 25; here there is
// one module):
//
// $$L = L_\text{main} + \lambda \, L_\text{MTP}$$
//
// In the report, $\lambda$ is 0.3 for the first 10 of 14.8 trillion tokens, and 0.1 for the rest.
//
// ## Training two predictions
//
// **Guess:** which loss will be larger, that of the next token or that of the one after it?

// %%
const store = memoryStore();
const main: [number, number][] = [];
const mtp: [number, number][] = [];
await train({
  model: { ...modelPreset('tiny'), numHiddenLayers: 2, numNextnPredictLayers: 1 },
  train: { ...trainPreset('tiny'), tokenizer: 'bytes', steps: 200, seqLen: 64, heldOutFraction: 0.01, sampleTokens: 0 },
  backend: 'engine',
  backendOptions: { threads: 1 },
  store,
  onEvent: (event) => {
    if (event.type !== 'step' || event.step % 5 !== 0) return;
    main.push([event.step, event.loss]);
    mtp.push([event.step, Number(event.metrics['train/mtp_loss_1'])]);
  },
});
const meanOfLast = (curve: [number, number][]) => curve.slice(-8).reduce((sum, [, loss]) => sum + loss, 0) / 8;
console.log(`next token:          ${meanOfLast(main).toFixed(2)}`);
console.log(`the token after it:  ${meanOfLast(mtp).toFixed(2)}`);
await display({
  kind: 'lines',
  title: 'Loss of the two predictions (Moby-Dick, read byte by byte)',
  x: 'step',
  y: 'nats',
  series: { 'next token': main, 'the token after it': mtp },
});

// %% [markdown]
// Is that a surprise? Two tokens ahead sounds harder, but look at what the module is given: the *true* next token. At
// place $i$ it knows tokens 0 to $i + 1$, which is what the main model knows at place $i + 1$, where it has to predict
// the same token. So the two losses are close. That the module's is even a little lower here is most likely because it
// comes after all layers of the main model and adds one more; in a model of two layers, a third one counts.
//
// The gain for the main model is a different one: its state $h_i$ is also read by the module, so it is trained to hold
// what is useful for later tokens as well.
//
// ## Drafting
//
// When training is over, the module may be thrown away: the main model does not need it. Or it is kept, and helps to
// write. Ordinary writing takes one pass of the main model for each token. With drafts, it goes like this:
//
// 1. The main model chooses a token, and the module **drafts** the one after it.
// 2. The main model reads both in *one* pass. It sees for itself what should have come after the first token.
// 3. If that is the draft, both tokens stand, and the pass has yielded two. If not, the draft is dropped and the main
//    model's own token takes its place.
//
// A pass over two tokens takes hardly longer than over one on a graphics card, since most of the time goes into
// fetching the weights.
//
// **Guess:** what does the text look like if half the drafts are wrong?

// %%
const { model, tokenizer } = await loadModelFrom(store);

/** Continues a prompt, with the likeliest token each time; with as many drafts for each token as `drafts` says. */
async function write(prompt: string, drafts: number) {
  const generator = createGenerator(createDecoder(model, { slots: 1, drafts: drafts > 0 }), tokenizer, { drafts });
  const events = generator.submit({
    promptIds: [...tokenizer.encode(prompt)],
    maxNewTokens: 60,
    sampling: { ...defaultSampling, temperature: 0 },
    stop: [],
    topLogprobs: null,
  });
  let text = '';
  for await (const event of events) {
    text += event.text;
    if (event.type === 'end') {
      await generator.dispose();
      return { text, ...event.statistics };
    }
  }
  throw new Error('the generation has no end');
}

const prompts = ['The whale ', 'In the morning ', 'Captain Ahab ', 'Upon the sea '];
let [accepted, drafted, passes, plainPasses, differing] = [0, 0, 0, 0, 0];
for (const prompt of prompts) {
  const plain = await write(prompt, 0);
  const fast = await write(prompt, 1);
  console.log(JSON.stringify(prompt + fast.text));
  console.log(`  ${plain.forwardPasses} passes without drafts, ${fast.forwardPasses} with`);
  if (plain.text !== fast.text) differing++;
  accepted += fast.accepted;
  drafted += fast.drafted;
  passes += fast.forwardPasses;
  plainPasses += plain.forwardPasses;
}
console.log(`texts that differ: ${differing} of ${prompts.length}`);
model.dispose();

// %% [markdown]
// The texts are the same, whatever share of the drafts is wrong. A draft is only ever a guess at what the main model
// would say, and the main model has the last word. Wrong drafts cost time, and nothing else.
//
// (Our model has been trained for seconds, and it says *the* again and again. Mind this when you read the next numbers:
// a text that repeats itself is easy to draft.)
//
// ## What it saves
//
// Let $p$ be the share of drafts that are accepted. Each pass yields one token for certain, and one more with the
// probability $p$. So there are $1 + p$ tokens for each pass.

// %%
const p = accepted / drafted;
console.log(`accepted: ${accepted} of ${drafted} drafts, p = ${p.toFixed(2)}`);
console.log(`tokens for each pass: expected ${(1 + p).toFixed(2)}, measured ${(plainPasses / passes).toFixed(2)}`);
await display({
  kind: 'bars',
  title: 'Passes of the main model for the same texts',
  x: '',
  y: 'passes',
  values: { 'without drafts': plainPasses, 'with drafts': passes },
});

// %% [markdown]
// For DeepSeek-V3 the report says that 85 to 90 percent of the second tokens are accepted, and that it writes 1.8 times
// as many tokens in a second (section 5.4.3). The ideal would be 1.85 to 1.90; the rest goes into the drafting.
//
// And the quality? In the report's comparison (table 4), models that were trained with MTP are better at most
// benchmarks, although the loss of the next token hardly moves. Not at all of them: MMLU of the large model and
// NaturalQuestions of the small one came out lower.
//
// ## Exercise
//
// A draft costs something too. Suppose that one pass over two tokens and one draft together take as long as `cost`
// passes over a single token, where `cost` is 1 or more. The drafts are accepted with the probability `p`. How many
// times as fast does the model write? And below which `p` is drafting not worth it? Return both.

// %% [exercise]
function drafting(p: number, cost: number): { speedUp: number; leastP: number } {
  return { speedUp: 0 * p, leastP: 0 * cost }; // your turn
}

// %% [solution]
// function drafting(p: number, cost: number): { speedUp: number; leastP: number } {
//   // 1 + p tokens in the time of `cost` passes, instead of one token in the time of one pass.
//   return { speedUp: (1 + p) / cost, leastP: cost - 1 };
// }

// %%
const answers = [
  { p: 0.9, cost: 1, speedUp: 1.9, leastP: 0 },
  { p: 0.85, cost: 1.25, speedUp: 1.48, leastP: 0.25 },
  { p: 0.2, cost: 1.5, speedUp: 0.8, leastP: 0.5 },
];
const isRight = answers.every(({ p, cost, speedUp, leastP }) => {
  const found = drafting(p, cost);
  return Math.abs(found.speedUp - speedUp) < 1e-6 && Math.abs(found.leastP - leastP) < 1e-6;
});
console.log(
  isRight ? 'Right: drafting pays when p is above cost - 1.' : 'Not yet: how many tokens does one pass yield?',
);

// %% [markdown]
// ## What to remember
//
// * The MTP module reads the hidden state of the main model and the next token, and predicts the one after that.
// * It shares embedding and output head with the main model, and can be thrown away after training.
// * Used for drafts, it changes how fast the model writes, but not what it writes.
//
// **Next:** [7. Eight bits: tiles, blocks, accumulators](07-eight-bits.ipynb)
