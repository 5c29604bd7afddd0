import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { type Pullback, pullback } from '../../src/tensor/pullback.ts';
import { tf } from '../../src/tensor/tf.ts';
import { constant, input, type OpCase } from '../ops/op-case.ts';
import { opCases } from '../ops/op-cases.ts';

await activateBackend('cpu');

/** The larger sizes repeat what these show; tests/engine/gradient-halves.test.ts has those that matter to kernels. */
const small = opCases.filter(({ build }) =>
  tf.tidy(() => {
    const { inputs } = build();
    tf.dispose([...inputs]);
    return inputs.reduce((sum, { size }) => sum + size, 0) <= 1000;
  }),
);

const bits = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tensor.dataSync<'float32'>());

describe.each(['cpu', 'engine'] as const)('pullback on %s', (backend) => {
  let x: tf.Tensor2D; // [2, 3]
  let w: tf.Variable<tf.Rank.R2>; // [3, 3]
  let v: tf.Variable<tf.Rank.R1>; // [3]
  beforeAll(async () => {
    await activateBackend(backend);
    x = constant<tf.Rank.R2>('pullback x', [2, 3]);
    w = input<tf.Rank.R2>('pullback w', [3, 3]);
    v = input<tf.Rank.R1>('pullback v', [3]);
  });
  afterAll(() => tf.dispose([x, w, v]));

  /** Two outputs; w is used three times, once alone. */
  function f(x: tf.Tensor2D) {
    const hidden = tf.tanh(tf.matMul(tf.mul(x, v), w as tf.Tensor2D)) as tf.Tensor2D;
    const second = tf.matMul(hidden, tf.square(w) as tf.Tensor2D, false, true);
    return { hidden, more: [tf.add(tf.sum(second, 1), tf.sum(w))] as const, ids: tf.argMax(second, 1) };
  }
  const weights = () => [w, v] as tf.Variable[];
  const dysOf = () => ({ hidden: constant('dHidden', [2, 3]), more: [constant('dMore', [2])] as const });
  const make = (of = x) => pullback(f, [of], weights());

  it('gives the value, and gradients of a function with several outputs: those of the sum of output times dy', () => {
    tf.tidy(() => {
      const dys = dysOf();
      const pass = make();
      const { inputs, weights: dWeights } = pass.backward(dys);
      const xVariable = tf.variable(x);
      const { grads } = valueAndGrads(() => {
        const { hidden, more } = f(xVariable as tf.Tensor2D);
        return tf.add(tf.sum(tf.mul(hidden, dys.hidden)), tf.sum(tf.mul(more[0], dys.more[0]))).asScalar();
      }, [xVariable, ...weights()]);
      const expected = f(x);
      expect(bits([pass.value.hidden, pass.value.more[0]])).toEqual(bits([expected.hidden, expected.more[0]]));
      expect(bits([...inputs, ...dWeights])).toEqual(bits(grads));
      xVariable.dispose();
    });
  });

  it('property: inputs and weights separately give the bits of both at once, the inputs first or alone', () => {
    tf.tidy(() => {
      const dys = dysOf();
      const together = make().backward(dys);
      const apart = make();
      const dInputs = apart.backwardInputs(dys);
      expect(bits(dInputs)).toEqual(bits(together.inputs));
      expect(bits(apart.backwardWeights())).toEqual(bits(together.weights));
    });
  });

  it('takes a gradient for some of the outputs, and gives zeros where nothing depends on them', () => {
    tf.tidy(() => {
      const none = make().backward({});
      for (const gradient of [...none.inputs, ...none.weights])
        expect(Math.max(...bits([gradient])[0]!.map(Math.abs))).toBe(0);
      const some = pullback((x) => ({ a: tf.square(x), b: tf.sum(w) }), [x], weights());
      const [dx] = some.backwardInputs({ b: tf.scalar(2) });
      expect(Array.from(dx!.dataSync())).toEqual([0, 0, 0, 0, 0, 0]);
      const [dw, dv] = some.backwardWeights();
      expect(Array.from(dw!.dataSync())).toEqual(Array(9).fill(2));
      expect(Array.from(dv!.dataSync())).toEqual([0, 0, 0]);
    });
  });

  it('begins the sum of an input that is an output too with the gradient given there', () => {
    tf.tidy(() => {
      // 2^24 + 1 + 1 in float32: 2^24 when the large number comes first, 2^24 + 2 when it comes last.
      const large = tf.fill([2, 3], 2 ** 24);
      const pass = pullback((x) => ({ x, twice: tf.add(x, x) }), [x]);
      const { inputs } = pass.backward({ x: large, twice: tf.onesLike(x) });
      expect(inputs[0]!.dataSync()[0]).toBe(2 ** 24);
      const alone = pullback((x) => x, [x]).backward(large);
      expect(bits(alone.inputs)).toEqual(bits([large]));
    });
  });

  it('gives an output that is a weight itself the gradient given for it, in either half, to the scope that asks', () => {
    const dy = constant('dw', [3, 3]);
    const before = tf.memory().numTensors;
    for (const isJoint of [true, false]) {
      tf.tidy(() => {
        const pass = pullback(() => ({ w }), [], weights());
        if (!isJoint) pass.backwardInputs({ w: dy });
        const [dw] = isJoint ? pass.backward({ w: dy }).weights : pass.backwardWeights();
        expect(bits([dw!])).toEqual(bits([dy]));
      });
      expect(tf.memory().numTensors).toBe(before);
    }
    dy.dispose();
  });

  it('property: any number are alive at once and differentiated in any order, as in 1F1B with weights later', () => {
    tf.tidy(() => {
      const batches = [0, 1, 2, 3].map((m) => constant<tf.Rank.R2>(`micro-batch ${m}`, [2, 3]));
      const dys = dysOf();
      const alone = batches.map((batch) => {
        const { inputs, weights: dWeights } = make(batch).backward(dys);
        return bits([...inputs, ...dWeights]);
      });
      const passes: ReturnType<typeof make>[] = [];
      const found = new Map<number, Float32Array[]>();
      const F = (m: number) => void passes.push(make(batches[m]));
      const B = (m: number) => void found.set(m, bits(passes[m]!.backwardInputs(dys)));
      const W = (m: number) => void found.get(m)!.push(...bits(passes[m]!.backwardWeights()));
      const steps = [F, 0, F, 1, B, 0, F, 2, B, 1, W, 0, F, 3, B, 2, B, 3, W, 3, W, 1, W, 2] as const;
      for (let i = 0; i < steps.length; i += 2) (steps[i] as typeof F)(steps[i + 1] as number);
      expect(batches.map((_, m) => found.get(m))).toEqual(alone);
    });
  });

  it('keeps the values of the forward pass: inputs, dys and values may go before it, and weights may change', () => {
    const expected = tf.tidy(() => {
      const { inputs, weights: dWeights } = make().backward(dysOf());
      return bits([...inputs, ...dWeights]);
    });
    const before = w.dataSync();
    const copy = tf.tidy(() => tf.mul(x, 1)) as tf.Tensor2D;
    const pass = make(copy);
    tf.dispose([copy, pass.value.hidden, pass.value.more[0], pass.value.ids]);
    tf.tidy(() => w.assign(tf.zerosLike(w)));
    const dys = dysOf();
    const dInputs = pass.backwardInputs(dys);
    tf.dispose([dys.hidden, dys.more[0]]);
    const dWeights = pass.backwardWeights();
    expect(bits([...dInputs, ...dWeights])).toEqual(expected);
    tf.tidy(() => w.assign(tf.tensor2d(before as Float32Array, [3, 3])));
    tf.dispose([...dInputs, ...dWeights]);
  });

  it('leak: both ways leave the value and the gradients; released or refused ones leave the value', () => {
    const dys = dysOf();
    const before = tf.memory().numTensors;
    const disposeValue = ({ value }: ReturnType<typeof make>) => tf.dispose([value.hidden, value.more[0], value.ids]);
    const one = make();
    const { inputs, weights: dWeights } = one.backward(dys);
    expect(tf.memory().numTensors).toBe(before + 3 + 3);
    tf.dispose([...inputs, ...dWeights]);
    const two = make();
    const dInputs = two.backwardInputs(dys);
    tf.dispose([...dInputs, ...two.backwardWeights()]);
    const three = make();
    three.release();
    three.release();
    const four = make();
    tf.dispose(four.backwardInputs(dys));
    four.release();
    for (const pass of [one, two, three, four]) disposeValue(pass);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => pullback(() => f(x) && fail(), [x], weights())).toThrow('in the middle');
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([dys.hidden, dys.more[0]]);
  });

  it('leak: one that is never released keeps what it saved, whatever scope it was made in', () => {
    const before = tf.memory().numTensors;
    const kept: Pullback<unknown>[] = [];
    tf.tidy(() => void kept.push(make()));
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    kept[0]!.release();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leak: gradients belong to the scope that asks for them, whichever half they come from', () => {
    const dys = dysOf();
    const before = tf.memory().numTensors;
    tf.tidy(() => void make().backward(dys));
    const halves = make();
    const between = tf.memory().numTensors;
    tf.tidy(() => void halves.backwardInputs(dys));
    tf.tidy(() => void halves.backwardWeights());
    tf.dispose([halves.value.hidden, halves.value.more[0], halves.value.ids]);
    expect(tf.memory().numTensors).toBe(before);
    expect(between).toBeGreaterThan(before);
    tf.dispose([dys.hidden, dys.more[0]]);
  });

  it('refuses to be differentiated twice, in the wrong order or after release, and says what to do', () => {
    tf.tidy(() => {
      const dys = dysOf();
      const joint = make();
      expect(() => joint.backwardWeights()).toThrow('call that first');
      joint.backward(dys);
      for (const again of [() => joint.backward(dys), () => joint.backwardInputs(dys), () => joint.backwardWeights()])
        expect(again).toThrow('it was differentiated; call pullback() again');
      const halves = make();
      halves.backwardInputs(dys);
      for (const again of [() => halves.backward(dys), () => halves.backwardInputs(dys)])
        expect(again).toThrow('call backwardWeights() for the others');
      halves.backwardWeights();
      expect(() => halves.backwardWeights()).toThrow('it was differentiated; call pullback() again');
      for (const start of [() => make(), () => Object.assign(make(), {})]) {
        const released = start();
        released.release();
        for (const late of [
          () => released.backward(dys),
          () => released.backwardInputs(dys),
          () => released.backwardWeights(),
        ])
          expect(late).toThrow('it was released; call pullback() again');
      }
    });
  });

  it('refuses gradients that do not fit an output, and can then still be differentiated', () => {
    tf.tidy(() => {
      const pass = make();
      const wrong = (dys: unknown) => () => pass.backward(dys as Parameters<typeof pass.backward>[0]);
      expect(wrong({ hidden: tf.zeros([3, 2]) })).toThrow(
        'the output hidden is float32 [2,3] and its gradient float32 [3,2]; both have to be float32 and of the same shape',
      );
      expect(wrong({ more: [tf.zeros([2], 'int32')] })).toThrow(
        'the output more 0 is float32 [2] and its gradient int32',
      );
      expect(wrong({ ids: tf.zeros([2]) })).toThrow('the output ids is int32 [2]');
      expect(wrong({ heads: tf.zeros([2]) })).toThrow('the output heads and its gradient are not both tensors');
      expect(wrong({ more: tf.zeros([2]) })).toThrow('the output more and its gradient are not both tensors');
      expect(pass.backward(dysOf()).inputs).toHaveLength(1);
    });
  });

  it('refuses integer inputs, and tensors that are named twice', () => {
    const ids = tf.tensor1d([1, 0], 'int32');
    expect(() => pullback((ids) => tf.gather(w, ids), [ids], [w as tf.Variable])).toThrow(
      'input 0 is int32, which has no gradient; let the function read it from its scope',
    );
    expect(() => pullback(() => tf.sum(w), [w], [w as tf.Variable])).toThrow('named twice');
    expect(() => pullback(() => tf.sum(x), [x, x])).toThrow('named twice');
    const gathered = pullback(() => tf.gather(w, ids), [], [w as tf.Variable]);
    const ones = tf.onesLike(gathered.value);
    const [dw] = gathered.backward(ones).weights;
    expect(Array.from(dw!.dataSync())).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0]);
    tf.dispose([ids, gathered.value, ones, dw!]);
  });

  it('refuses to run inside a computation that is being differentiated, and runs inside its gradient', () => {
    tf.tidy(() => {
      expect(() => pullback((x) => make(x as tf.Tensor2D).value.hidden, [x])).toThrow(
        'call it before or after that one',
      );
      /** Computed again for the gradient, where it could have been kept. */
      const recomputed = tf.customGrad((...args) => {
        const [x, save] = args as unknown as [tf.Tensor2D, (tensors: tf.Tensor[]) => void];
        save([x]);
        const gradFunc = (dy: tf.Tensor, [x]: tf.Tensor[]) =>
          pullback((x) => f(x as tf.Tensor2D).hidden, [x!]).backward(dy as tf.Tensor2D).inputs;
        return { value: f(x).hidden, gradFunc };
      });
      const dy = dysOf().hidden;
      const [expected] = pullback((x) => f(tf.square(x)).hidden, [x]).backward(dy as tf.Tensor2D).inputs;
      const [found] = pullback((x) => recomputed(tf.square(x)), [x]).backward(dy).inputs;
      expect(bits([found!])).toEqual(bits([expected!]));
    });
  });

  it.each(small.map((opCase) => [opCase.title, opCase] as const))(
    'property: %s: whichever inputs are left for later, the bits are the same',
    (_, opCase) => tf.tidy(() => compareHalves(opCase)),
  );
});

function fail(): never {
  throw new Error('in the middle');
}

/** Takes each input of an op in turn, and then all but it, for the weights. */
function compareHalves({ build }: OpCase): void {
  const { inputs: all, output } = build();
  const dy = constant('dy', output().shape);
  const expected = bits(pullback(output, [], all).backward(dy).weights);
  const before = tf.memory().numTensors;
  for (const chosen of all.keys()) {
    for (const isLater of [(i: number) => i === chosen, (i: number) => i !== chosen]) {
      const [weights, inputs] = [all.filter((_, i) => isLater(i)), all.filter((_, i) => !isLater(i))];
      const pass = pullback(output, inputs, weights);
      const gradients = [...pass.backwardInputs(dy), ...pass.backwardWeights()];
      const places = [...inputs, ...weights].map((variable) => all.indexOf(variable));
      const found = bits(gradients);
      expect(places.map((place, i) => [place, found[i]])).toEqual(places.map((place) => [place, expected[place]]));
      tf.dispose([pass.value, ...gradients]);
      expect(tf.memory().numTensors).toBe(before);
    }
  }
  tf.dispose([...all]);
}
