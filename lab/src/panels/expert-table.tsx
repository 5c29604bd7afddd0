// All experts of a layer as one token sees them: affinity, bias, score, gate.

import type { LayerRouting } from 'tinyseek/more';
import { visible } from '../parts/token-strip.tsx';
import { expertColour } from './expert-colour.ts';

export function ExpertTable({ layer, token, text }: { layer: LayerRouting; token: number; text: string }) {
  const { positions, affinities, scores, bias, groups, chosen, chosenWithoutBias, gates } = layer;
  const [E, K, G] = [bias.length, chosen.length / positions, groups.length / positions];
  const own = chosen.subarray(token * K, (token + 1) * K);
  const without = chosenWithoutBias.subarray(token * K, (token + 1) * K);
  const rows = Array.from({ length: E }, (_, expert) => ({
    expert,
    affinity: affinities[token * E + expert]!,
    score: scores[token * E + expert]!,
    bias: bias[expert]!,
    isAllowed: groups[token * G + Math.floor(expert / (E / G))] === 1,
    place: own.indexOf(expert),
    isInWithout: without.includes(expert),
  }));
  rows.sort((a, b) => Number(b.place >= 0) - Number(a.place >= 0) || a.place - b.place || b.score - a.score);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard as well
    <section class="expert-table" tabIndex={0} aria-label={`Experts of the token ${JSON.stringify(text)}`}>
      <table>
        <caption>
          Token <b>{visible(text)}</b>: the {K} experts that it visits, and the others by their score
        </caption>
        <thead>
          <tr>
            <th scope="col">expert</th>
            <th scope="col">affinity</th>
            <th scope="col">bias</th>
            <th scope="col">score</th>
            <th scope="col">gate</th>
            <th scope="col">why</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ expert, affinity, score, bias, isAllowed, place, isInWithout }) => (
            <tr key={expert} class={place >= 0 ? 'chosen' : isAllowed ? '' : 'excluded'}>
              <th scope="row">
                <i style={{ background: expertColour(expert) }} />
                {expert}
              </th>
              <td>
                <meter min={0} max={1} value={affinity} aria-hidden="true" />
                {affinity.toFixed(3)}
              </td>
              <td>{bias.toFixed(3)}</td>
              <td>{score.toFixed(3)}</td>
              <td>{place >= 0 ? gates[token * K + place]!.toFixed(3) : ''}</td>
              <td>{reason(place >= 0, isInWithout, isAllowed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function reason(isChosen: boolean, isInWithout: boolean, isAllowed: boolean): string {
  if (isChosen) return isInWithout ? 'chosen' : 'chosen thanks to the bias';
  if (isInWithout) return 'chosen without the bias';
  return isAllowed ? '' : 'group not among the best';
}
