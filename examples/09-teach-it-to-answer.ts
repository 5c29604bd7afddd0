// Example 9: a model that learns to answer, and how well it does.
//
// It teaches supervised fine-tuning in miniature. A model of 0.13 million parameters is shown problems with their
// solutions, step by step, and is asked other problems before and after. The loss is on the answers alone.

import { evaluateTask, heldOutProblems, loadModelFrom, memoryStore, namedTask, sft } from 'tinyseek';

// A digit and operations on it: a adds 1, b adds 2, * takes it from 9, all modulo 10.
const task = namedTask('chain:operations=5');
const [example] = heldOutProblems(task, 1);
console.log(`A problem: ${example?.prompt} with the steps ${example?.solutions?.steps}`);
console.log('It is hard to answer at once, because * does not commute with the others, and easy step by step.\n');

const store = memoryStore();
const result = await sft({
  task,
  stopAt: 0.9, // right answers among those that it draws
  store,
  backend: 'engine',
  backendOptions: { threads: 1 },
  onEvent: (event) => {
    if (event.type === 'measure') console.log(`step ${event.step}: ${event.text}`);
    if (event.type === 'note') console.log(event.message);
  },
});
console.log(`\n${result.steps} steps in ${result.seconds.toFixed(0)} s, the measurements included.`);

// The checkpoint is a model like every other; it is asked greedily here, and shows what it writes.
const { model, tokenizer } = await loadModelFrom(store);
const found = await evaluateTask(model, tokenizer, task, { problems: heldOutProblems(task, 128) });
if (found === null) throw new Error('the evaluation was interrupted');
const [low, high] = found.interval.map((bound) => (100 * bound).toFixed(0));
console.log(`\nThe most likely answer is right for ${(100 * found.passAt1).toFixed(0)} % (${low} to ${high}) of 128:`);
for (const { prompt, completion, isRight } of found.examples) {
  console.log(`  ${prompt}${completion}  ${isRight ? 'right' : 'wrong'}`);
}
model.dispose();

console.log('\nNext: `solutions` mixes kinds of samples, and a task of yours is an object with two functions.');
