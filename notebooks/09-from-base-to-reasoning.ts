// %% [markdown]
// # 9. From base to chat to reasoning
//
// *About 15 minutes. It runs in about a minute.*
//
// After pre-training, a model continues texts. It does not answer, and it does not stop. DeepSeek-V3 became an
// assistant in a last phase that took 5,000 of 2.8 million GPU hours (table 1). This lesson goes the same way with a
// very small model that learns to calculate. It is taught to answer. Then it is rewarded for being right, until it
// writes out its steps by itself. In the end, its best answers are the examples that another model learns from.
//
// You will
//
// 1. ask a base model a question;
// 2. teach it two ways to answer (supervised fine-tuning, SFT);
// 3. reward right answers (reinforcement learning with GRPO), and read what it writes before and after;
// 4. make a student from the best answers (distillation), and compare what was gained with what it costs.
//
// The source is section 5 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), equations
// 26 to 28, and the paper that introduced GRPO ([arXiv:2402.03300](https://arxiv.org/abs/2402.03300)).

// %%
import {
  activateBackend,
  concise,
  createRandom,
  createTokenizer,
  display,
  evaluateTask,
  groupAdvantages,
  grpo,
  heldOutProblems,
  keepAnswers,
  loadModelFrom,
  type MemoryStore,
  memoryStore,
  miniatureModel,
  namedTask,
  type Problem,
  type SftOptions,
  sampleAnswers,
  sft,
  type Tokenizer,
  train,
  trainingProblems,
  trainPreset,
} from 'tinyseek';

await activateBackend('engine', { threads: 1 });
const place = { backend: 'engine', backendOptions: { threads: 1 } } as const;
const quiet = { evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 };

// %% [markdown]
// ## Something to be asked
//
// Our problems are chains of operations on a digit: `a` adds 1, `b` adds 2, and `*` takes the digit from 9. Only the
// last digit of a number is kept, so 9 plus 1 is 0. A problem ends with a colon. There are several ways to answer:

// %%
const task = namedTask('chain');
const [example] = heldOutProblems(task, 1);
for (const kind of ['direct', 'steps', 'twice'])
  console.log(`${kind.padEnd(6)} ${example!.prompt}${example!.solutions![kind]}`);

// %% [markdown]
// `direct` has the result alone. `steps` has the digit after each operation and then, after `=`, the result. `twice`
// does it all again to check, after a question mark.
//
// A rule can tell what is right: what stands after the last `=` must be the result.
//
// ## The base model
//
// Our base model has 0.13 million parameters and is trained on sheets of short exercises, each with one to four
// operations and its solution in steps, line after line. **Before you go on, guess:** we give it a problem with seven
// operations. What will it write, and where will it stop?

// %%
const random = createRandom(1);
const short = [1, 2, 3, 4].map((operations) => namedTask(`chain:operations=${operations}`));
const sheets = Array.from({ length: 3000 }, () =>
  Array.from({ length: 8 }, () => {
    const { prompt, solutions } = short[random.below(short.length)]!.problem(random);
    return prompt + solutions!.steps;
  }).join('\n'),
);
console.log(`A sheet begins: ${JSON.stringify(sheets[0]!.slice(0, 30))}`);
const tokenizer = await createTokenizer('chars', () => [`${task.alphabet}!;\n`]);
const base = memoryStore();
await train({
  ...place,
  model: miniatureModel,
  documents: sheets,
  tokenizer,
  train: {
    ...{ ...trainPreset('tiny'), ...quiet, tokenizer: 'chars', steps: 200, batchSize: 16, seqLen: 64 },
    ...{ learningRate: 5e-3, heldOutFraction: 0.01, balanceLossFactor: 0, expertBiasUpdateSpeed: 0 },
  },
  store: base,
});

const problems = heldOutProblems(task, 128);
/** A problem as the model reads it: the token that ends a text, then a mark if there is one, then the problem. */
const promptOf =
  (tokenizer: Tokenizer, mark: string) =>
  ({ prompt }: Problem) => [tokenizer.eosTokenId!, ...tokenizer.encode(mark + prompt)];

/** Asks 128 problems that were never trained on; prints the likeliest answers to three of them. */
async function ask(store: MemoryStore, mark = '') {
  const { model, tokenizer } = await loadModelFrom(store);
  const options = { problems, prompt: promptOf(tokenizer, mark), maxNewTokens: 30 };
  const likeliest = (await evaluateTask(model, tokenizer, task, options))!;
  const sampled = (await evaluateTask(model, tokenizer, task, { ...options, samples: 8 }))!;
  model.dispose();
  for (const { prompt, completion, isRight } of likeliest.examples.slice(0, 3)) {
    console.log(`  ${mark}${prompt}${completion.replaceAll('\n', ' / ')}  ${isRight ? 'right' : 'wrong'}`);
  }
  const [right, length] = [100 * sampled.passAt1, sampled.meanLength];
  console.log(`of 8 answers to each problem, ${right.toFixed(0)} % are right; mean length ${length.toFixed(1)} tokens`);
  return { right, length };
}
await ask(base);

// %% [markdown]
// (A slash is the end of a line.) It does what its texts do: after a solution it goes on to the next exercise, until we
// cut it off at 30 tokens. An answer that does not end counts as wrong. And these are wrong anyway, since the chains
// are longer than all that it has seen. But the form is there: digits, and then the result.
//
// ## Supervised fine-tuning
//
// So the model is shown problems with answers that end. The loss counts on the answer alone: the model is not to learn
// how to ask. Several examples share a row of text, and cannot see each other (section 5.1).
//
// The report makes two kinds of examples of its reasoning problems. One has the original answer, which is short. The
// other has a **system prompt** before the problem, which asks to reflect and to check, and an answer of DeepSeek-R1, a
// model that was trained to reason. It reasons well, but it thinks too much: its answers are long.
//
// We do the same. Our system prompts are single characters, `!` and `;`, and we call them marks. After `!` the answers
// are long, half of them `steps` and half `twice`. After `;` they are `direct`, except that one in ten is long.
//
// **Guess:** after which of the two will the model be right?

// %%
const taught = memoryStore();
await sft({
  ...place,
  init: base,
  task,
  solutions: 'steps@!:0.25,twice@!:0.25,direct@;:0.45,steps@;:0.025,twice@;:0.025',
  train: { ...quiet, steps: 300, learningRate: 5e-3 },
  store: taught,
});
await ask(taught, '!');
await ask(taught, ';');

// %% [markdown]
// Asked to think, it is right nine times in ten, and the likeliest answers even check themselves. Asked plainly, it
// mostly guesses: there are ten digits, so one answer in ten is right by luck. This is the same model, with the same
// weights. What it lacks is not the skill. It has no room to use it: between reading the colon and writing the digit, a
// network of two layers would have to do seven operations, one after the other. With a digit on paper after each
// operation, it has to do only one at a time.
//
// The rest of the lesson is about getting answers of the first kind without having to ask for them.
//
// ## Rewards, and what is better than the rest
//
// In reinforcement learning, the model writes and somebody judges. Where a rule can judge, the report uses the rule,
// since a rule is hard to deceive (section 5.2.1). Where no rule can, as for a poem, another model is the judge.
//
// Then the weights are moved so that good answers become likelier. But what is good? A reward of 1 says little by
// itself: if all answers to a problem get 1, it was easy. **GRPO** (group relative policy optimization) lets the model
// answer each problem several times and compares within this group (equation 28). The **advantage** of answer $i$ is
//
// $$A_i = \frac{r_i - \mathrm{mean}(r_1, \dots, r_G)}{\mathrm{std}(r_1, \dots, r_G)}$$
//
// **Guess:** what are the advantages when all eight answers are wrong?

// %%
for (const rewards of [
  [1, 0, 0, 1, 1, 0, 0, 0],
  [1, 0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0],
]) {
  const advantages = groupAdvantages(rewards, 'group').map((advantage) => advantage.toFixed(1));
  console.log(`rewards ${rewards.join(' ')}: advantages ${advantages.join(' ')}`);
}

// %% [markdown]
// A single right answer among eight gets a large advantage. Where all are wrong, there is nothing to learn. This is why
// one in ten answers after `;` had to be long: reinforcement learning makes likelier what happens already. It does not
// invent.
//
// The loss (equation 26) makes an answer likelier or less likely, by its advantage. A second term (equation 27) keeps
// the model near the one that it started from. We take the reward `concise`: 1 for a right answer, less up to 0.3 for
// its length, and 0 for a wrong one. All problems have the mark `;`.
//
// **Guess:** nobody rewards long answers, and `concise` even takes something off. What will happen to the length?

// %%
const expert = memoryStore();
const right: number[] = [];
const lengths: number[] = [];
await grpo({
  ...place,
  init: taught,
  task,
  system: ';',
  reward: concise(task),
  rewardName: 'concise',
  grpo: { prompts: 16, group: 8 }, // of each step
  train: { ...quiet, steps: 40 },
  store: expert,
  onEvent: (event) => {
    if (event.type !== 'step') return;
    right.push(100 * Number(event.metrics['grpo/pass_at_1']));
    lengths.push(Number(event.metrics['grpo/length']));
  },
});
for (const step of [1, 5, 10, 15, 20, 30, 40]) {
  console.log(
    `step ${String(step).padStart(2)}: ${right[step - 1]!.toFixed(0).padStart(2)} % right, ` +
      `${lengths[step - 1]!.toFixed(1)} tokens`,
  );
}
await display({ kind: 'lines', title: 'Right answers', x: 'step', y: 'per cent', series: { right } });
await display({ kind: 'lines', title: 'Length of an answer', x: 'step', y: 'tokens', series: { tokens: lengths } });
await ask(expert, ';');

// %% [markdown]
// Compare the last three answers with those of the same three problems above, after the same mark. Long answers were
// right more often, so they had better advantages and became likelier, step by step. Nobody told the model to think.
//
// The length goes up and comes down again. At first every long answer is a gain, also one that does everything twice.
// Once nearly all are right, the penalty decides: checking costs tokens and gains nothing in so safe a calculation, so
// it is dropped. In the paper on DeepSeek-R1 ([arXiv:2501.12948](https://arxiv.org/abs/2501.12948)), whose problems are
// hard, the answers kept growing.
//
// ## Distillation
//
// Our model has become an expert in one thing. DeepSeek-V3 itself is not such an expert. There was an expert for each
// domain. (This expert is a whole model, and not one of the experts of lesson 3.) Its answers became examples: it
// answers each problem several times, and only what is right and short is kept. This is **rejection sampling**. The
// final model learned from 1.5 million examples of this and other kinds by SFT, followed by reinforcement learning
// (section 5.1).
//
// Our expert answers 1,000 problems, 4 times each, and of each problem the shortest right answer is kept. Three
// students begin where the expert began, at the base model. They learn without any mark, one from the expert, one from
// answers that are `direct`, and one from a teacher that does everything `twice`.
//
// **Guess:** which student is right most often? Which one is worth its tokens?

// %%
const loaded = await loadModelFrom(expert);
const groups = await sampleAnswers(loaded.model, loaded.tokenizer, task, {
  problems: trainingProblems(task, 1000, 0),
  samples: 4,
  prompt: promptOf(loaded.tokenizer, ';'),
});
loaded.model.dispose();
const kept = keepAnswers(groups!, 'shortest');
console.log(`problems with a right answer: ${kept.length} of 1000`);
const fromExpert = kept.map(({ problem, completion }) => ({
  turns: [
    { role: 'user', content: problem.prompt },
    { role: 'assistant', content: completion },
  ] as const,
}));

/** Teaches a student, and asks it. */
async function teach(lessons: Pick<SftOptions, 'solutions' | 'conversations' | 'samples' | 'template'>) {
  const store = memoryStore();
  await sft({ ...place, ...lessons, init: base, task, train: { ...quiet, steps: 250, learningRate: 5e-3 }, store });
  return ask(store);
}
const students = {
  direct: await teach({ solutions: 'direct' }),
  expert: await teach({
    conversations: [{ name: 'expert', conversations: fromExpert }],
    samples: 0,
    template: 'plain',
  }),
  twice: await teach({ solutions: 'twice' }),
};
await display({
  kind: 'bars',
  title: 'Right answers of three students, by what they learned from',
  x: '',
  y: 'per cent',
  values: Object.fromEntries(Object.entries(students).map(([name, { right }]) => [name, Math.round(right)])),
});
await display({
  kind: 'bars',
  title: 'Length of their answers',
  x: '',
  y: 'tokens',
  values: Object.fromEntries(Object.entries(students).map(([name, { length }]) => [name, Number(length.toFixed(1))])),
});

// %% [markdown]
// The student of the expert is right as often as the one who does everything twice, with little more than half of the
// tokens. The one that answers directly is right by luck alone.
//
// The report measured something alike (table 9): an earlier model, DeepSeek-V2.5, learned from answers of R1. On the
// problems of MATH-500, right answers went from 74.6 to 83.2 per cent, and their length from 769 to 1,510 tokens; on
// LiveCodeBench from 31.1 to 37.4 per cent, and from 718 to 783 tokens. More right answers, and longer ones. How much
// length they are worth is a choice, and the report says that it chose with care.
//
// Two warnings about our miniature. Its problems are all of one kind. And there were solutions that could be imitated:
// where there are, SFT on them does as well as reinforcement learning, which is for problems whose solutions nobody has
// written down. [docs/results.md](../docs/results.md#grpo) has a comparison, and also shows what happens where no long
// answer can be found by chance: nothing.
//
// ## Exercise
//
// A model is right with the probability `p`, each time anew. It answers a problem `group` times. With what probability
// is there nothing to learn from the problem, because all answers got the same reward?

// %% [exercise]
function silent(p: number, group: number): number {
  return 0 * p * group; // your turn
}

// %% [solution]
// function silent(p: number, group: number): number {
//   return p ** group + (1 - p) ** group; // all right, or all wrong
// }

// %%
const cases = [
  { p: 0.5, group: 2, expected: 0.5 },
  { p: 0, group: 8, expected: 1 },
  { p: 0.2, group: 3, expected: 0.52 },
];
const isSolved = cases.every(({ p, group, expected }) => Math.abs(silent(p, group) - expected) < 1e-9);
const inPercent = (p: number) => `${(100 * silent(p, 8)).toFixed(0)} %`;
console.log(
  isSolved
    ? `Right: of 8 answers at p = 0.1, ${inPercent(0.1)} of the groups are silent, and at p = 0.01, ${inPercent(0.01)}.`
    : 'Not yet: when do all answers get the same reward?',
);

// %% [markdown]
// ## What to remember
//
// * A base model continues texts. SFT teaches it to answer and to stop; the loss counts on the answers alone.
// * GRPO compares several answers to the same problem. Where all get the same reward, it learns nothing.
// * Rewards make likelier what happens already. Steps that are written down make up for layers that are not there.
// * An expert's best answers teach a student, which is right as often, in fewer tokens than its teachers needed.
//
// **Next:** [10. What it cost](10-what-it-cost.ipynb)
