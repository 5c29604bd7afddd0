// The router dashboard: which experts the tokens go to, layer by layer and over time, and the settings that move them.

import { useState } from 'preact/hooks';
import type { LiveSettings } from 'tinyseek/core';
import { domainLoads, type RouterHistory } from 'tinyseek/more';
import { HeatMap } from '../parts/heat-map.tsx';
import { LinePlot } from '../parts/line-plot.tsx';
import { lastOf } from '../parts/plot.ts';
import { expertColour } from './expert-colour.ts';
import { layerName } from './layer-name.ts';
import { LoadOverTime } from './load-over-time.tsx';
import { RouterControls } from './router-controls.tsx';
import { marksText, type RunView } from './run-view.ts';

export interface RouterDashboardProps {
  readonly view: RunView;
  /** Runs that are laid over it, beside whose routers its own is shown. */
  readonly others: readonly { readonly name: string; readonly view: RunView }[];
  readonly isLive: boolean;
  readonly onChange: (settings: LiveSettings) => void;
}

export function RouterDashboard({ view, others, isLive, onChange }: RouterDashboardProps) {
  const [wantedLayer, setLayer] = useState<number | null>(null);
  const [wantedBin, setBin] = useState<number | null>(null);
  view.version.value; // drawn again whenever there is something new
  const facts = view.facts.value;
  const { history } = view;
  const { layers } = history;
  if (facts === null || layers.length === 0) {
    return <p class="empty">The router moves as soon as a model with experts trains. Press Train.</p>;
  }
  const { model } = facts;
  const E = model.nRoutedExperts;
  const { steps } = history;
  const bin = Math.min(wantedBin ?? steps.length - 1, steps.length - 1);
  const layer = wantedLayer !== null && layers.includes(wantedLayer) ? wantedLayer : layers[0]!;
  const marks = view.marks.value;
  const name = (of: number) => layerName(model, of);
  return (
    <div class="router-dashboard">
      <DeadExperts history={history} name={name} />
      <RouterControls model={model} settings={view.settings.value} isLive={isLive} onChange={onChange} />
      <div class="scrubber">
        <label>
          <span>
            Step <b class="value">{steps[bin]}</b>
          </span>
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={bin}
            aria-valuetext={`step ${steps[bin]}`}
            onInput={(event) => {
              const at = Number(event.currentTarget.value);
              setBin(at === steps.length - 1 ? null : at);
            }}
          />
        </label>
        <label>
          Layer
          <select value={String(layer)} onChange={(event) => setLayer(Number(event.currentTarget.value))}>
            {layers.map((of) => (
              <option key={of} value={of}>
                {name(of)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <figure>
        <figcaption>Load of every expert at step {steps[bin]}, as a multiple of the mean</figcaption>
        <HeatMap
          values={loadsAt(history, bin, E)}
          rows={layers.length}
          columns={E}
          scale="load"
          rowHeight={22}
          rowLabels={layers.map(name)}
          ends={['expert 0', `expert ${E - 1}`]}
          label={describeLoads(history, bin, E, name)}
          describe={(row, expert, load) => `${name(layers[row]!)}, expert ${expert}: ${load.toFixed(2)} times the mean`}
          onPick={(row) => setLayer(layers[row]!)}
        />
        <LoadKey />
      </figure>
      <LoadOverTime
        history={history}
        layer={layer}
        name={name(layer)}
        marks={marks}
        cursor={wantedBin === null ? null : bin}
        onPick={(at) => setBin(at === steps.length - 1 ? null : at)}
      />
      {others.map(({ name: run, view: other }) => (
        <OtherRun key={run} run={run} view={other} layer={layer} />
      ))}
      <figure>
        <figcaption>
          MaxVio: how far the busiest expert is above the mean
          {view.maxVioGlobal.value !== null && (
            <>
              {' '}
              (<b>{view.maxVioGlobal.value.toFixed(2)}</b> over all held-out text)
            </>
          )}
        </figcaption>
        <LinePlot
          steps={steps}
          lines={[
            { label: 'each batch', values: history.maxVioBatch, colour: '--curve-2' },
            { label: 'the last 100 steps together', values: history.maxVioOverAll, colour: '--curve-1' },
          ]}
          marks={marks}
          label={`MaxVio is now ${lastOf(history.maxVioBatch)?.toFixed(2)} in a batch and ${lastOf(history.maxVioOverAll)?.toFixed(2)} over the last 100 steps; 0 is perfect balance. ${marksText(marks)}`}
        />
      </figure>
      <figure>
        <figcaption>{name(layer)}: the bias of each expert</figcaption>
        <LinePlot
          steps={steps}
          lines={biasLines(history.biases(layer), steps.length, E)}
          marks={marks}
          legend={false}
          label={describeBiases(history, layer, E, name)}
        />
      </figure>
      <Domains view={view} layer={layer} title={name(layer)} />
    </div>
  );
}

/** The same layer of another run whose curves are drawn, where it has one. */
function OtherRun({ run, view, layer }: { run: string; view: RunView; layer: number }) {
  view.version.value; // drawn again whenever there is something new
  const model = view.facts.value?.model;
  if (model === undefined || !view.history.layers.includes(layer)) return null;
  const name = `${run}, ${layerName(model, layer)}`;
  return <LoadOverTime history={view.history} layer={layer} name={name} marks={view.marks.value} />;
}

function DeadExperts({ history, name }: { history: RouterHistory; name: (layer: number) => string }) {
  const dead = history.dead();
  return (
    <p class={dead.length > 0 ? 'alarm' : 'alarm quiet'} role="status">
      {dead.length === 0
        ? 'Every expert had tokens in the last 50 steps.'
        : `${dead.length} ${dead.length === 1 ? 'expert has' : 'experts have'} had no token for 50 steps: ${dead
            .slice(0, 6)
            .map(({ layer, expert, lastUsed }) => `${name(layer)} expert ${expert} (since step ${lastUsed})`)
            .join(', ')}${dead.length > 6 ? ' and others' : ''}.`}
    </p>
  );
}

function LoadKey() {
  return (
    <ul class="load-key" aria-hidden="true">
      <li class="dead">nothing</li>
      <li class="low">a quarter</li>
      <li class="middle">the mean</li>
      <li class="high">four times</li>
    </ul>
  );
}

function Domains({ view, layer, title }: { view: RunView; layer: number; title: string }) {
  const { domains, loads } = domainLoads(view.domains.value, layer);
  if (domains.length === 0) return null;
  const E = loads.length / domains.length;
  return (
    <figure>
      <figcaption>{title}: which experts the texts of each domain use, in the last evaluation</figcaption>
      <HeatMap
        values={loads}
        rows={domains.length}
        columns={E}
        scale="load"
        rowHeight={22}
        rowLabels={domains}
        ends={['expert 0', `expert ${E - 1}`]}
        label={domains.map((domain, i) => `${domain} uses expert ${busiest(loads, i, E)} most`).join('; ')}
        describe={(row, expert, load) => `${domains[row]}, expert ${expert}: ${load.toFixed(2)} times the mean`}
      />
    </figure>
  );
}

const busiest = (loads: Float32Array, row: number, E: number) => {
  const own = loads.subarray(row * E, (row + 1) * E);
  return own.indexOf(Math.max(...own));
};

/** Layers by experts at one bin. */
function loadsAt(history: RouterHistory, bin: number, E: number): Float32Array {
  const values = new Float32Array(history.layers.length * E);
  for (const [i, layer] of history.layers.entries()) {
    values.set(history.loads(layer).subarray(bin * E, (bin + 1) * E), i * E);
  }
  return values;
}

function biasLines(biases: Float32Array, bins: number, E: number) {
  return Array.from({ length: E }, (_, expert) => ({
    label: `expert ${expert}`,
    values: Float64Array.from({ length: bins }, (_, bin) => biases[bin * E + expert]!),
    colour: expertColour(expert),
  }));
}

function describeLoads(history: RouterHistory, bin: number, E: number, name: (layer: number) => string): string {
  const loads = loadsAt(history, bin, E);
  const parts = history.layers.map((layer, i) => {
    const expert = busiest(loads, i, E);
    return `${name(layer)}: expert ${expert} has the most, ${loads[i * E + expert]!.toFixed(1)} times the mean`;
  });
  return `Load of the experts at step ${history.steps[bin]}. ${parts.join('; ')}.`;
}

function describeBiases(history: RouterHistory, layer: number, E: number, name: (layer: number) => string): string {
  const last = history.biases(layer).slice(-E);
  return `The biases of ${name(layer)} are now between ${Math.min(...last).toFixed(3)} and ${Math.max(...last).toFixed(3)}.`;
}
