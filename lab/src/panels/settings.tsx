// The settings of the next run: a preset, the text, the sizes.

import type { ModelConfig, TrainConfig } from 'tinyseek/core';
import { labPresets } from '../state/presets.ts';
import {
  advice,
  backend,
  changeSetting,
  changes,
  choosePreset,
  preset,
  presetName,
  resolved,
  settingsMessage,
} from '../state/settings.ts';
import { duration } from './transport.tsx';

type Key = keyof (ModelConfig & TrainConfig);

const fields: readonly (readonly [Key, string])[] = [
  ['steps', 'Steps'],
  ['batchSize', 'Rows a batch'],
  ['seqLen', 'Tokens a row'],
  ['learningRate', 'Learning rate'],
  ['hiddenSize', 'Width'],
  ['numHiddenLayers', 'Layers'],
  ['nRoutedExperts', 'Routed experts'],
  ['numExpertsPerTok', 'Experts a token'],
  ['expertBiasUpdateSpeed', 'Bias speed, gamma'],
  ['balanceLossFactor', 'Balance loss, alpha'],
  ['numNextnPredictLayers', 'MTP depths'],
  ['seed', 'Seed'],
];

const count = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

export function Settings() {
  const { config, error } = resolved.value;
  const values: Readonly<Record<string, unknown>> = config === null ? {} : { ...config.model, ...config.train };
  const size = advice.value;
  return (
    <section class="settings" aria-labelledby="settings-title">
      <h2 id="settings-title">Next run</h2>
      <label>
        Preset
        <select value={presetName.value} onChange={(event) => choosePreset(event.currentTarget.value)}>
          {[false, true].map((isBad) => (
            <optgroup key={String(isBad)} label={isBad ? 'What goes wrong' : 'To begin with'}>
              {labPresets
                .filter((each) => each.isBad === isBad)
                .map(({ name, title }) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
      <p class="watch">{preset.value.watch}</p>
      <label>
        Computed on
        <select
          value={backend.value}
          disabled={!('gpu' in navigator)}
          onChange={(event) => {
            backend.value = event.currentTarget.value === 'webgpu' ? 'webgpu' : 'auto';
          }}
        >
          <option value="auto">the processor</option>
          <option value="webgpu">the GPU (WebGPU)</option>
        </select>
      </label>
      <details>
        <summary>Sizes and rates</summary>
        <div class="fields">
          {fields.map(([key, label]) => (
            <label key={key}>
              {label}
              <input
                inputMode="decimal"
                value={changes.value[key] ?? String(values[key] ?? '')}
                onChange={(event) => changeSetting(key, event.currentTarget.value.trim())}
              />
            </label>
          ))}
        </div>
      </details>
      {size !== null && (
        <p class="advice">
          {count.format(size.total)} parameters, {count.format(size.active)} active for a token;{' '}
          {size.seconds === null
            ? 'how long it takes here is known after the first run.'
            : `about ${duration(size.seconds)} on this machine.`}
        </p>
      )}
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {settingsMessage.value !== '' && (
        <p class="error" role="alert">
          {settingsMessage.value}
        </p>
      )}
    </section>
  );
}
