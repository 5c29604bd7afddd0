// Break it: a run with a known bug beside one that is right, both from the same weights and text.

import { useState } from 'preact/hooks';
import type { ModelConfig, TrainConfig } from 'tinyseek/core';
import { bugs } from './bug-list.ts';
import type { RunView } from './run-view.ts';

/** A run to be started, as far as the bug decides. */
export interface BugRun {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly bugs: readonly string[];
}

export interface BreakItProps {
  readonly view: RunView;
  /** The bugs that are built into the run now. */
  readonly active: readonly string[];
  readonly onStart: (run: BugRun) => void;
}

export function BreakIt({ view, active, onStart }: BreakItProps) {
  const [name, setName] = useState(bugs[0]!.name);
  const facts = view.facts.value;
  const bug = bugs.find((one) => one.name === name)!;
  const start = (isBroken: boolean) => {
    if (facts === null) return;
    const { model, train, only } = bug.needs(facts.model, facts.train);
    onStart({
      model: { ...facts.model, ...model },
      train: { ...facts.train, ...train, ...(isBroken ? only : {}) },
      bugs: isBroken ? [name] : [],
    });
  };
  return (
    <div class="break-it">
      <p>
        These mistakes shipped in real code. None of them causes an error: the model trains, and the loss looks well.
        Train it right first, then with a bug, and compare the two runs.
      </p>
      <fieldset>
        <legend>Which bug</legend>
        {bugs.map(({ name: own, title, watch }) => (
          <label key={own} class="bug">
            <input type="radio" name="bug" value={own} checked={own === name} onChange={() => setName(own)} />
            <span>
              <b>{title}</b>
              <small>{watch}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="buttons">
        <button type="button" disabled={facts === null} onClick={() => start(false)}>
          Train it right
        </button>
        <button type="button" class="danger" disabled={facts === null} onClick={() => start(true)}>
          Train it with the bug
        </button>
      </div>
      <p class={active.length > 0 ? 'alarm' : 'alarm quiet'} role="status">
        {active.length === 0
          ? 'The run on show is right.'
          : `The run on show has a bug: ${active.map((own) => bugs.find((one) => one.name === own)?.title ?? own).join('; ')}.`}
      </p>
    </div>
  );
}
