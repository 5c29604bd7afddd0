// Mathematics, generated: sums with their carries, differences, products, equations solved step by step, sequences with
// the rule that makes them. The text is a function of the seed alone. No two documents are alike, but single lines of
// the smaller kinds (there are 36 geometric sequences) come again, so held-out text measures some recall next to skill.

import { createRandom, type Random } from '../random.ts';

const defaultBytes = 1_000_000;
const defaultSeed = 1;
const exercisesPerDocument = 16;

/**
 * Documents of `exercisesPerDocument` exercises of one kind, until they hold at least `minBytes` bytes (all ASCII).
 */
export function generateMath(minBytes = defaultBytes, seed = defaultSeed): string[] {
  const documents: string[] = [];
  for (let bytes = 0; bytes < minBytes; bytes += documents.at(-1)!.length) {
    documents.push(mathDocument(createRandom(seed, 'math', documents.length)));
  }
  return documents;
}

type Exercise = (random: Random) => string;

function mathDocument(random: Random): string {
  const [title, exercise] = kinds[random.below(kinds.length)]!;
  const lines = Array.from({ length: exercisesPerDocument }, () => exercise(random));
  return `${title}\n${lines.join('')}`;
}

/** A number of 1 to `maxDigits` digits, so that short ones are as frequent as long ones. */
function number(random: Random, maxDigits: number): number {
  return random.below(10 ** (1 + random.below(maxDigits)));
}

/** Column by column from the right, as at school: `47 + 85: 7+5=12 write 2 carry 1; 4+8+1=13 write 3 carry 1; ...`. */
const sumWithCarry: Exercise = (random) => {
  const [a, b] = [number(random, 5), number(random, 5)];
  const steps: string[] = [];
  let carry = 0;
  for (let place = 1; place <= Math.max(a, b, 1); place *= 10) {
    const [x, y] = [Math.floor(a / place) % 10, Math.floor(b / place) % 10];
    const total = x + y + carry;
    const carried = carry > 0 ? `+${carry}` : '';
    carry = Math.floor(total / 10);
    steps.push(`${x}+${y}${carried}=${total} write ${total % 10} carry ${carry}`);
  }
  return `${a} + ${b}: ${steps.join('; ')}. ${a} + ${b} = ${a + b}\n`;
};

const difference: Exercise = (random) => {
  const [a, b] = [number(random, 4), number(random, 4)];
  return `${a} - ${b} = ${a - b}; check: ${a - b} + ${b} = ${a}\n`;
};

/** By the digits of the second factor: `23 * 45 = 23 * 40 + 23 * 5 = 920 + 115 = 1035`. */
const product: Exercise = (random) => {
  const [a, b] = [number(random, 3), 10 + random.below(90)];
  const [tens, ones] = [b - (b % 10), b % 10];
  return `${a} * ${b} = ${a} * ${tens} + ${a} * ${ones} = ${a * tens} + ${a * ones} = ${a * b}\n`;
};

const equation: Exercise = (random) => {
  const [factor, root] = [2 + random.below(11), random.below(41) - 20];
  const shift = 1 + random.below(50);
  const right = factor * root + shift;
  return `solve ${factor}x + ${shift} = ${right}: ${factor}x = ${right} - ${shift} = ${factor * root}; x = ${factor * root} / ${factor} = ${root}\n`;
};

const arithmeticSequence: Exercise = (random) => {
  const [first, step] = [random.below(100), 1 + random.below(20)];
  const terms = Array.from({ length: 8 }, (_, i) => first + i * step);
  return `${terms.join(', ')}: add ${step} each time; next ${first + 8 * step}\n`;
};

const geometricSequence: Exercise = (random) => {
  const [first, ratio] = [1 + random.below(9), 2 + random.below(4)];
  const terms = Array.from({ length: 6 }, (_, i) => first * ratio ** i);
  return `${terms.join(', ')}: times ${ratio} each time; next ${first * ratio ** 6}\n`;
};

const additiveSequence: Exercise = (random) => {
  const terms = [1 + random.below(9), 1 + random.below(9)];
  while (terms.length < 9) terms.push(terms.at(-1)! + terms.at(-2)!);
  return `${terms.slice(0, 8).join(', ')}: each is the sum of the two before; next ${terms[8]}\n`;
};

const kinds: readonly (readonly [title: string, exercise: Exercise])[] = [
  ['Addition with carry', sumWithCarry],
  ['Subtraction', difference],
  ['Multiplication', product],
  ['Equations', equation],
  ['Arithmetic sequences', arithmeticSequence],
  ['Geometric sequences', geometricSequence],
  ['Additive sequences', additiveSequence],
];
