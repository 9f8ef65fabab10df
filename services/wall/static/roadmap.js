// Page R «Lộ trình»: each indicator against the steps that the unit set itself. Pure.

import { dayParts, percent, rateTenths, tenths } from "./format.js";
import { html } from "./markup.js";
import { nameOf } from "./overview.js";
import { SIGNS } from "./symbols.js";
import { share } from "./units.js";

const SIGN_OF = { met: "met", on_roadmap: "risk", behind: "missed" };

export function roadmapTable(view, indicators, settings, words) {
  const heads = words.roadmap;
  return html`<table class="matrix roadmap" style="--share:${share(indicators, settings.steps)}">
    <thead><tr><th scope="col">${heads.indicator}</th><th scope="col">${heads.now}</th>
      <th scope="col">${heads.asked}</th><th scope="col">${heads.next}</th>
      <th scope="col" class="far">${heads.year}</th><th scope="col" class="far">${heads.ahead}</th></tr></thead>
    <tbody>${indicators.map((indicator) => line(view, indicator, words))}</tbody></table>`;
}

function line(view, indicator, words) {
  const { level, target, prospect } = indicator;
  const beside = view.unit === null && level && html` <span class="level">${words.levels[level]}</span>`;
  return html`<tr><th scope="row">${nameOf(indicator, words)}${beside}</th>
    ${now(indicator, words)}${steps(view, indicator, words)}
    <td class="far">${percent(target, words)}</td>
    <td class="far">${prospect.rate === null ? "–" : tenths(prospect.rate, words)}</td></tr>`;
}

function now({ a, b, met, target, light, status }, words) {
  if (a === 0) return html`<td class="none"><span class="words">${words.notArisen}</span></td>`;
  const sign = light === null ? status : SIGN_OF[light];
  const said = light === null ? words.status[status] : words.lights[light];
  return html`<td class="${sign}">${SIGNS[sign]}<span class="unseen">${said}</span> ${tenths(
    rateTenths(a, b, met, target),
    words,
  )}</td>`;
}

function steps(view, { roadmap: all }, words) {
  if (all.length === 0) {
    return html`<td colspan="2" class="none"><span class="words">${words.noRoadmap}</span></td>`;
  }
  const today = view.days[view.days.length - 1];
  const so_far = all.filter(([day]) => day <= today).pop();
  const next = all.find(([day]) => day > today);
  return html`<td>${so_far ? percent(so_far[1], words) : "–"}</td>
    <td>${next ? html`${percent(next[1], words)} <small>${dayParts(next[0]).dayMonth}</small>` : "–"}</td>`;
}
