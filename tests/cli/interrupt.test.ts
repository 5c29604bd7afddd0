import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onInterrupt } from '../../src/cli/interrupt.ts';

function listen() {
  const source = new EventEmitter();
  const calls: string[] = [];
  const clock = { now: 0 };
  const handlers = { first: () => calls.push('first'), second: () => calls.push('second') };
  const stop = onInterrupt(source, handlers, () => clock.now);
  return { source, calls, clock, stop };
}

describe('Ctrl-C', () => {
  it('asks first and does not ask the second time, whichever signal comes', () => {
    const { source, calls, clock } = listen();
    source.emit('SIGINT');
    clock.now = 1000;
    source.emit('SIGTERM');
    expect(calls).toEqual(['first', 'second']);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('is also %s', (signal) => {
    const { source, calls, clock } = listen();
    source.emit(signal);
    clock.now = 1000;
    source.emit(signal);
    expect(calls).toEqual(['first', 'second']);
  });

  it('takes two signals of one key press (npm sends the second) for one', () => {
    const { source, calls, clock } = listen();
    source.emit('SIGINT');
    clock.now = 20;
    source.emit('SIGINT');
    expect(calls).toEqual(['first']);
  });

  it('stops listening when told to', () => {
    const { source, stop } = listen();
    stop();
    expect(source.eventNames()).toEqual([]);
  });
});
