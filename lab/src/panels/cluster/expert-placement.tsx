// How busy GPUs are that share the experts of a layer: with the experts in order, and with redundant experts placed by
// the balancer of expert parallelism (EPLB).

import { useState } from 'preact/hooks';
import { fetchedExperts, gpuLoads, placeExperts, servingUnit } from 'tinyseek/more';
import { layerName } from '../layer-name.ts';
import type { RunView } from '../run-view.ts';
import { type ExpertLoads, example, layersOf, loadsOf } from './expert-loads.ts';

export function ExpertPlacement({ view }: { view: RunView }) {
  view.version.value; // drawn again whenever there is something new
  const [wantedLayer, setLayer] = useState<number | null>(null);
  const [wantedGpus, setGpus] = useState<number | null>(null);
  const [perGpu, setPerGpu] = useState(1);
  const [knownAt, setKnown] = useState(0);
  const [measuredAt, setMeasured] = useState(0);
  const model = view.facts.value?.model ?? null;
  const layers = layersOf(view);
  const layer = wantedLayer !== null && layers.includes(wantedLayer) ? wantedLayer : layers[0];
  const isExample = model === null || layer === undefined;
  const texts = isExample ? example : loadsOf(view, layer, model.nRoutedExperts);
  const experts = texts[0]!.loads.length;
  const groups = isExample ? 4 : model.nGroup;
  const usual = servingUnit('prefill', experts).gpus;
  const gpus = wantedGpus !== null && experts % wantedGpus === 0 ? wantedGpus : usual;
  const [known, measured] = [texts[knownAt] ?? texts[0]!, texts[measuredAt] ?? texts[0]!];
  const { redundant, nodes } = servingUnit('prefill', experts, { gpus, redundant: perGpu * gpus });
  const inOrder = Array.from({ length: experts }, (_, expert) => expert);
  const machines = { replicas: experts + redundant, groups, nodes, gpus };
  const slots = placeExperts([known.loads], machines).physicalToLogical;
  const before = relative(gpuLoads([measured.loads], [inOrder], gpus)[0]!);
  const after = relative(gpuLoads([measured.loads], slots, gpus)[0]!);
  const said =
    `The busiest of ${gpus} GPUs has ${most(before)} times the mean load with the experts in order, and ` +
    `${most(after)} times with ${redundant} redundant ${redundant === 1 ? 'expert' : 'experts'}, placed for ` +
    `${known.text} and measured on ${measured.text}.`;
  return (
    <section aria-labelledby="placement-title">
      <h2 id="placement-title">Experts on GPUs: who is busy</h2>
      {isExample && (
        <p class="note">An example: a model that was trained on three texts. Train one here to see its own experts.</p>
      )}
      <div class="cluster-controls">
        {!isExample && (
          <Choice
            label="Layer"
            options={layers.map((of) => layerName(model, of))}
            value={layers.indexOf(layer)}
            onChange={(at) => setLayer(layers[at]!)}
          />
        )}
        <Choice
          label="GPUs"
          options={divisors(experts).map(String)}
          value={divisors(experts).indexOf(gpus)}
          onChange={(at) => setGpus(divisors(experts)[at]!)}
        />
        <Choice label="Placed for" options={texts.map(nameOf)} value={texts.indexOf(known)} onChange={setKnown} />
        <Choice
          label="Measured on"
          options={texts.map(nameOf)}
          value={texts.indexOf(measured)}
          onChange={setMeasured}
        />
        <label>
          <span>
            R, redundant experts: <b class="value">{redundant}</b>
          </span>
          <input
            type="range"
            min={0}
            max={4}
            value={perGpu}
            aria-valuetext={`${redundant} redundant experts, ${perGpu} a GPU`}
            onInput={({ currentTarget }) => setPerGpu(Number(currentTarget.value))}
          />
        </label>
      </div>
      <figure>
        <figcaption>{said}</figcaption>
        <Bars before={before} after={after} label={`${said} ${describe(before, after)}`} />
        <ul class="load-key" aria-hidden="true">
          <li style={{ '--swatch': 'var(--curve-2)' }}>experts in order</li>
          <li style={{ '--swatch': 'var(--curve-1)' }}>with redundant experts</li>
        </ul>
      </figure>
      <p class="note">
        All GPUs wait for the busiest. To change from experts in order to this placement, GPUs fetch{' '}
        {fetchedExperts([padded(inOrder, gpus, perGpu)], slots, gpus)} experts from each other in this layer.
      </p>
    </section>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly options: readonly string[];
  readonly value: number;
  readonly onChange: (at: number) => void;
}

function Choice({ label, options, value, onChange }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={String(value)} onChange={({ currentTarget }) => onChange(Number(currentTarget.value))}>
        {options.map((option, at) => (
          <option key={option} value={at}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

const size = { width: 640, height: 170, bottom: 20, left: 46 };

function Bars({ before, after, label }: { before: readonly number[]; after: readonly number[]; label: string }) {
  const highest = Math.max(1.2, ...before, ...after);
  const y = (load: number) => (size.height - size.bottom) * (1 - load / highest);
  const each = (size.width - size.left) / before.length;
  const bar = (name: string, load: number, left: number) => (
    <rect class={name} x={left} y={y(load)} width={each * 0.36} height={size.height - size.bottom - y(load)} />
  );
  return (
    <svg class="gpu-bars" viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-label={label}>
      {before.map((load, gpu) => (
        <g key={gpu}>
          {bar('before', load, size.left + (gpu + 0.12) * each)}
          {bar('after', after[gpu]!, size.left + (gpu + 0.52) * each)}
          <text x={size.left + (gpu + 0.5) * each} y={size.height - 5} text-anchor="middle">
            {gpu}
          </text>
        </g>
      ))}
      <line x1={size.left} x2={size.width} y1={y(1)} y2={y(1)} />
      <text x={0} y={y(1) + 4}>
        mean
      </text>
    </svg>
  );
}

const nameOf = ({ text }: ExpertLoads) => text;
const most = (loads: readonly number[]) => Math.max(...loads).toFixed(2);

/** Loads as multiples of their mean; all 1 where there are none. */
function relative(loads: readonly number[]): number[] {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return loads.map((load) => (mean > 0 ? load / mean : 1));
}

function describe(before: readonly number[], after: readonly number[]): string {
  return before.map((load, gpu) => `GPU ${gpu}: ${load.toFixed(2)}, then ${after[gpu]!.toFixed(2)}.`).join(' ');
}

/** Numbers of GPUs that the experts can be shared out among. */
function divisors(experts: number): number[] {
  return Array.from({ length: Math.min(32, experts) }, (_, i) => i + 1).filter((n) => n > 1 && experts % n === 0);
}

/** Experts in order, with empty slots for the redundant ones of each GPU. */
function padded(inOrder: readonly number[], gpus: number, perGpu: number): number[] {
  const own = inOrder.length / gpus;
  const empty = Array.from({ length: perGpu }, () => -1);
  return Array.from({ length: gpus }, (_, gpu) => [...inOrder.slice(gpu * own, (gpu + 1) * own), ...empty]).flat();
}
