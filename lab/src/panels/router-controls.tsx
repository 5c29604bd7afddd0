// The settings of balancing as live controls: they act on the next step.

import type { Balancing, LiveSettings, ModelConfig } from 'tinyseek/core';

const modes: readonly (readonly [Balancing, string])[] = [
  ['bias', 'bias, as DeepSeek-V3 does'],
  ['batch-aux', 'loss over the batch'],
  ['sequence-aux', 'loss over each sequence'],
  ['none', 'none'],
];

export interface RouterControlsProps {
  readonly model: ModelConfig;
  readonly settings: LiveSettings;
  /** False for a run that cannot be changed any more. */
  readonly isLive: boolean;
  readonly onChange: (settings: LiveSettings) => void;
}

export function RouterControls({ model, settings, isLive, onChange }: RouterControlsProps) {
  const {
    balancing = 'bias',
    expertBiasUpdateSpeed = 0,
    balanceLossFactor = 0,
    topkGroup = model.topkGroup,
  } = settings;
  return (
    <fieldset class="router-controls" disabled={!isLive}>
      <legend>Balancing, from the next step on</legend>
      <label>
        Balanced by
        <select value={balancing} onChange={(event) => onChange({ balancing: event.currentTarget.value as Balancing })}>
          {modes.map(([mode, text]) => (
            <option key={mode} value={mode}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <PowerSlider
        label="Speed of the bias, gamma"
        value={expertBiasUpdateSpeed}
        onChange={(value) => onChange({ expertBiasUpdateSpeed: value })}
      />
      <PowerSlider
        label="Weight of the loss, alpha"
        value={balanceLossFactor}
        onChange={(value) => onChange({ balanceLossFactor: value })}
      />
      {model.nGroup > 1 && (
        <label>
          Groups a token may visit, of {model.nGroup}
          <select
            value={String(topkGroup)}
            onChange={(event) => onChange({ topkGroup: Number(event.currentTarget.value) })}
          >
            {possibleGroups(model).map((groups) => (
              <option key={groups} value={groups}>
                {groups}
              </option>
            ))}
          </select>
        </label>
      )}
    </fieldset>
  );
}

/** Limits that leave enough experts for a token. */
function possibleGroups({ nGroup, nRoutedExperts, numExpertsPerTok }: ModelConfig): number[] {
  const all = Array.from({ length: nGroup }, (_, i) => i + 1);
  return all.filter((groups) => (groups * nRoutedExperts) / nGroup >= numExpertsPerTok);
}

const decades = { least: -5, most: 0, perDecade: 4 };
const positions = (decades.most - decades.least) * decades.perDecade + 1;

/** The value at a position of the slider: 0 at its left end, and then powers of ten from 1e-5 to 1. */
function valueAt(position: number): number {
  if (position === 0) return 0;
  return Number((10 ** (decades.least + (position - 1) / decades.perDecade)).toPrecision(2));
}

function positionOf(value: number): number {
  if (value <= 0) return 0;
  const position = Math.round((Math.log10(value) - decades.least) * decades.perDecade) + 1;
  return Math.min(positions, Math.max(1, position));
}

interface PowerSliderProps {
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function PowerSlider({ label, value, onChange }: PowerSliderProps) {
  return (
    <label>
      <span>
        {label} <b class="value">{value === 0 ? '0 (off)' : String(value)}</b>
      </span>
      <input
        type="range"
        min={0}
        max={positions}
        step={1}
        value={positionOf(value)}
        aria-valuetext={value === 0 ? 'off' : String(value)}
        onChange={(event) => onChange(valueAt(Number(event.currentTarget.value)))}
      />
    </label>
  );
}
