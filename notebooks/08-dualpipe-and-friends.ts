// %% [markdown]
// # 8. DualPipe and friends
//
// *About 15 minutes. It runs in a few seconds.*
//
// DeepSeek-V3 does not fit on one graphics card (GPU), so its layers are spread over many. A text has to visit them one
// after the other, and a GPU whose turn has not come waits. A *schedule* says who does what and when. A good one lets
// nobody wait for long. This lesson draws four schedules, counts what they waste, and ends with the one that DeepSeek
// made.
//
// You will
//
// 1. see where the waiting comes from;
// 2. find out what a different order of the same work saves, in memory or in time;
// 3. cut the backward pass in two, and fill gaps with one half;
// 4. count what DualPipe hides.
//
// The source is section 3.2.1 of the DeepSeek-V3 report ([arXiv:2412.19437](https://arxiv.org/abs/2412.19437)), with
// its table 2 and figure 5. All times in this lesson are simulated.

// %%
import { createSchedule, display, type Operation, passDurations, type ScheduleName, simulateSchedule } from 'tinyseek';

// %% [markdown]
// ## A pipeline
//
// Cut the model into 4 **stages** of consecutive layers, and give each to a GPU, called a **rank**. Cut the texts of a
// training step into 8 **micro-batches**. A micro-batch goes forward through stages 0, 1, 2, 3, and then its gradients
// go backward through 3, 2, 1, 0. The weights change only when all micro-batches are through, so the order does not
// change what is learned.
//
// How long does a pass take? Nearly all of it is products of matrices. Where the forward pass has one product,
// $y = xW$, the backward pass has two: one for the gradient of the inputs, $dy\,W^\top$, and one for the gradient of
// the weights, $x^\top dy$. All three are about as much work. So we say that a forward pass takes F = 1 and a backward
// pass B = 2, of which the weights' half takes W = 1.
//
// The simplest schedule is **GPipe**: all forward passes, then all backward passes. In the text below, time goes from
// left to right, a digit is the number of the micro-batch, and a dot is a unit of time in which a rank waits.

// %%
const durations = passDurations({ F: 1, B: 2, W: 1, FB: 3 });

function simulate(name: ScheduleName, ranks: number, microBatches: number) {
  return simulateSchedule(createSchedule(name, ranks, microBatches), durations);
}
type Timeline = ReturnType<typeof simulate>;

/** For each rank and each unit of time, what `what` says of the operation that runs; `idle` where none does. */
function inUnits<T>({ operations, makespan }: Timeline, idle: T, what: (operation: Operation) => T): T[][] {
  return operations.map((list) =>
    Array.from({ length: makespan }, (_, time) => {
      const running = list.find(({ start, end }) => start <= time && time < end);
      return running === undefined ? idle : what(running.operation);
    }),
  );
}

const gpipe = simulate('gpipe', 4, 8);
const digits = inUnits(gpipe, '.', (operation) => ('microBatch' in operation ? String(operation.microBatch) : '?'));
for (const [rank, line] of digits.entries()) console.log(`rank ${rank}  ${line.join('')}`);

// %% [markdown]
// Find micro-batch 0: it goes down the ranks one unit at a time, and comes back up two units at a time. Rank 3 can only
// begin when the first micro-batch has reached it. Rank 0 waits in the middle, until the first gradients have come
// back. This waiting is called the **bubble**.
//
// **Before you go on, guess:** each rank works for 8 times 3 = 24 units. How long does it wait, and does that depend on
// the rank? What happens to the waiting with twice as many micro-batches?

// %%
for (const microBatches of [8, 16, 32]) {
  const { makespan, idle } = simulate('gpipe', 4, microBatches);
  const share = Math.round((100 * idle[0]!) / makespan);
  console.log(
    `${String(microBatches).padStart(2)} micro-batches: ranks wait ${idle.join(', ')} of ${makespan}, ${share} %`,
  );
}

// %% [markdown]
// Every rank waits 9 units: 3 ranks before or after it, times F + B = 3. More micro-batches do not change the 9, but
// they make it a smaller part of the whole.
//
// ## Same work, another order
//
// Between its forward and its backward pass, a micro-batch leaves **activations** on the rank: the $x$ of $x^\top dy$.
// With GPipe, all micro-batches lie there at once. **1F1B** ("one forward, one backward") begins with a backward pass
// as soon as there is one to do, and goes on in turns.
//
// **Guess:** does 1F1B save time, memory, or both?

// %%
/** How dark an operation is drawn. */
const darkness = { forward: 0.2, backwardWeight: 0.4, backwardInput: 0.7, backward: 0.7, overlapped: 1 };

async function draw(title: string, timeline: Timeline): Promise<void> {
  const values = inUnits(timeline, 0, ({ kind }) => darkness[kind]);
  await display({ kind: 'grid', title, x: 'time', y: 'rank', values, darkest: 1 });
}

const oneForwardOneBackward = simulate('1f1b', 4, 8);
await draw('GPipe: light is forward, dark is backward, white is the bubble', gpipe);
await draw('1F1B', oneForwardOneBackward);
for (const [name, { makespan, peakActivations }] of Object.entries({ GPipe: gpipe, '1F1B': oneForwardOneBackward }))
  console.log(`${name.padEnd(6)} takes ${makespan}; micro-batches held at once: ${peakActivations.join(', ')}`);
console.log(`1F1B with 32 micro-batches: ${simulate('1f1b', 4, 32).peakActivations.join(', ')}`);

// %% [markdown]
// Memory, and not a unit of time. Rank 0 holds 4 micro-batches in place of 8, and still 4 if there are 32 to do. The
// bubble has only moved.
//
// ## Cutting the backward pass in two
//
// Look again at the two halves of a backward pass. For the gradient of the *inputs*, the rank before is waiting. For
// the gradient of the *weights*, nobody is waiting: it is needed at the very end of the step. So the weights' half can
// be put off and done when there is nothing else to do. That is the idea of Zero Bubble
// ([arXiv:2401.10241](https://arxiv.org/abs/2401.10241)), and **ZB1P** is its schedule that needs no more memory than
// 1F1B.
//
// **Guess:** the bubble was 9. How much of it is left?

// %%
const zb1p = simulate('zb1p', 4, 8);
await draw("ZB1P: inputs' halves are dark, weights' halves less so", zb1p);
console.log(`takes ${zb1p.makespan}, ranks wait ${zb1p.idle.join(', ')}`);
console.log(`micro-batches held at once: ${zb1p.peakActivations.join(', ')}`);

// %% [markdown]
// A third of it: 3 in place of 9. Two things happen. Gradients of inputs run up the ranks in half the time, as they no
// longer wait for the weights' halves. And the weights' halves that were put off fill the gaps near the end. What is
// put off must be kept, so the later ranks now hold as much as rank 0 does. The largest number is still 4.
//
// ## DualPipe
//
// DeepSeek's **DualPipe** feeds micro-batches from *both ends* of the pipeline. Half of them go from rank 0 to the last
// one, the others from the last one to rank 0. So each rank needs two stages, its own and that of the rank opposite:
// the model is there twice. In return, most of the time, there is both a forward pass to do and a backward pass of
// another micro-batch. Neither needs the other, so they run **side by side**. The report calls such a pair F&B.
//
// Here is the case of figure 5 of the report, with 8 ranks and 20 micro-batches. For the moment a pair takes F + B = 3,
// as long as its two passes one after the other.

// %%
const schedule = createSchedule('dualpipe', 8, 20);
const dualpipe = simulateSchedule(schedule, durations);
await draw('DualPipe: the darkest are pairs', dualpipe);
console.log(`stages of rank 0: ${schedule.held[0]!.join(' and ')}; of rank 6: ${schedule.held[6]!.join(' and ')}`);
const pairs = schedule.operations.map((list) => list.filter(({ kind }) => kind === 'overlapped').length);
console.log(`pairs of each rank, of 20 possible: ${pairs.join(', ')}`);

// %% [markdown]
// The picture is the same upside down. At both ends of the step there are single passes, and in the middle almost
// nothing but pairs.
//
// The report compares three of our schedules in its table 2, by formulas. PP is the number of ranks. **Guess** from the
// pictures: will the simulation, which knows no formula, count the same? And is DualPipe much better than ZB1P?

// %%
const [F, B, W, FB] = [1, 2, 1, 3];
const table2 = {
  '1f1b': { bubble: (PP: number) => (PP - 1) * (F + B), activations: (PP: number) => PP },
  zb1p: { bubble: (PP: number) => (PP - 1) * (F + B - 2 * W), activations: (PP: number) => PP },
  dualpipe: { bubble: (PP: number) => (PP / 2 - 1) * (FB + B - 3 * W), activations: (PP: number) => PP + 1 },
};
let [compared, equal] = [0, 0];
for (const name of ['1f1b', 'zb1p', 'dualpipe'] as const) {
  for (const ranks of [4, 8, 16]) {
    const { bubble, activations } = table2[name];
    for (const microBatches of [2 * ranks, 4 * ranks]) {
      const { idle, peakActivations } = simulate(name, ranks, microBatches);
      compared++;
      if (idle.every((time) => time === bubble(ranks)) && Math.max(...peakActivations) === activations(ranks)) equal++;
    }
    console.log(
      `${name.padEnd(8)} ${String(ranks).padStart(2)} ranks: ` +
        `bubble ${bubble(ranks)}, at most ${activations(ranks)} micro-batches held`,
    );
  }
}
console.log(`simulated and equal to the formulas: ${equal} of ${compared}`);

// %% [markdown]
// They agree everywhere. With twice as many micro-batches, neither the bubble nor the memory grows, as the report says
// of DualPipe; it holds for the other two as well. And DualPipe is *hardly better* than ZB1P: with 8 ranks
// it waits 6 units and not 7, for a second copy of the model. The report finds the copy cheap: the experts of a stage
// are spread over many GPUs, so that each has only a few of its parameters. Still, it buys just one unit of time. What
// is DualPipe for, then?
//
// (GPipe is not in table 2. It waits as long as 1F1B and holds all micro-batches.)
//
// ## What a pair hides
//
// So far, messages took no time. In DeepSeek-V3, each token has to be sent to its experts on other machines, and back.
// The report says that computation and communication are about 1 : 1. Inside one pass, neither can hide the other: the
// experts cannot compute before their tokens are there. But the *other* pass of a pair can compute in the meantime. The
// report finds communication fully hidden in such a pair.
//
// Let us say that a forward and a backward pass each communicate for `c` units. A single pass takes its computation
// plus `c`. A pair takes 3 units or 2 `c`, whichever is longer. At `c` = 1.5, computation and communication are equal.
//
// **Guess:** how much longer does a step take at `c` = 1.5 than without communication, with 1F1B, and with DualPipe?

// %%
const names = ['1f1b', 'zb1p', 'dualpipe'] as const;
function stepTime(name: ScheduleName, microBatches: number, c: number): number {
  const costs = { F: 1 + c, B: 2 + c, W: 1, FB: Math.max(3, 2 * c) };
  return simulateSchedule(createSchedule(name, 8, microBatches), passDurations(costs)).makespan;
}
for (const microBatches of [20, 120]) {
  for (const name of names) {
    const [without, withIt] = [stepTime(name, microBatches, 0), stepTime(name, microBatches, 1.5)];
    const busy = Math.round((100 * 3 * microBatches) / withIt);
    console.log(
      `${String(microBatches).padStart(3)} micro-batches, ${name.padEnd(8)} ${without} -> ${withIt}, ` +
        `times ${(withIt / without).toFixed(2)}; a rank computes ${busy} % of the time`,
    );
  }
}
const ratios = Array.from({ length: 21 }, (_, i) => i / 10);
await display({
  kind: 'lines',
  title: 'A step with 8 ranks and 120 micro-batches',
  x: 'communication for each unit of computation',
  y: 'time',
  series: Object.fromEntries(
    names.map((name) => [name, ratios.map((ratio) => [ratio, stepTime(name, 120, 1.5 * ratio)] as const)]),
  ),
});

// %% [markdown]
// *That* is what it is for. The others double or more: they pay for all communication, and the bubble grows too. With
// 120 micro-batches, DualPipe takes less than a tenth longer, since only the single passes at both ends pay. Up to the
// ratio 1 its line is nearly flat. From there on there is more communication than a pair can hide, and it rises as the
// others do.
//
// Our model is a simple one. On a real GPU, communication takes a part of the processors away from computation; here
// that is left out. [docs/cluster.md](../docs/cluster.md) has a simulation of the report's cluster, and says what it
// assumes.
//
// These costs also test the formula. A forward pass now takes 2.5, the inputs' half of a backward pass 2.5, and the
// weights' half still 1. Is DualPipe's bubble still what the formula says?

// %%
const c = 1.5;
const timeline = simulateSchedule(schedule, passDurations({ F: 1 + c, B: 2 + c, W: 1, FB: 3 }));
console.log(`formula: ${(8 / 2 - 1) * (3 + (2 + c) - 3 * 1)}`);
console.log(`simulated, by rank: ${timeline.idle.join(', ')}`);

// %% [markdown]
// Not to the letter. The ranks at both ends wait less than it says, and those in the middle wait longer. In the
// comparison above it was exact: all halves took the same time there, and a pair as long as its two passes.
//
// ## Exercise
//
// The costs are again those from the beginning, F = 1, B = 2 and W = 1, without communication. With **ZB1P**, ranks
// shall wait for at most one part in `n` of the step. (With `n` = 10, that is a tenth.) How many micro-batches does
// this take at least? Let the function return it. The formula of table 2 helps.

// %% [exercise]
function fewestMicroBatches(ranks: number, n: number): number {
  return 0 * ranks * n; // your turn
}

// %% [solution]
// function fewestMicroBatches(ranks: number, n: number): number {
//   const bubble = ranks - 1; // (PP - 1)(F + B - 2W)
//   const work = 3; // F + B, for each micro-batch
//   // bubble / (bubble + work * microBatches) <= 1 / n
//   return Math.ceil((bubble * (n - 1)) / work);
// }

// %%
/** Whether ranks wait for at most one part in `n`, by simulation. */
function isEnough(ranks: number, n: number, microBatches: number): boolean {
  const { idle, makespan } = simulate('zb1p', ranks, microBatches);
  return Math.max(...idle) * n <= makespan;
}
const wrong = [
  { ranks: 4, n: 10 },
  { ranks: 8, n: 20 },
  { ranks: 16, n: 8 },
].find(({ ranks, n }) => {
  const found = fewestMicroBatches(ranks, n);
  return !(found > 1 && isEnough(ranks, n, found) && !isEnough(ranks, n, found - 1));
});
console.log(
  wrong === undefined
    ? 'Right: the simulation finds the same.'
    : `Not yet: with ${wrong.ranks} ranks and one part in ${wrong.n}, how long is the bubble, and how long the work?`,
);

// %% [markdown]
// ## What to remember
//
// * The bubble of a pipeline depends on the number of ranks, and not on the number of micro-batches. With many
//   micro-batches it is a small part of the step.
// * 1F1B saves memory, and no time. Putting off the weights' half of the backward pass saves time.
// * DualPipe waits hardly less than ZB1P. It exists to run a forward and a backward pass side by side, so that each
//   computes while the other one communicates.
//
// **Next:** [9. From base to chat to reasoning](09-from-base-to-reasoning.ipynb)
