// Page D «Xu hướng và dự báo»: one indicator in depth. Pure: (view, indicator) -> markup.

import { chart } from "./chart.js";
import { dayParts, percent, short, tenths } from "./format.js";
import { html } from "./markup.js";
import { gapWords, nameOf, rate } from "./overview.js";
import { SIGNS } from "./symbols.js";

/**
 * [{indicator, drawn, said}]: those that have anything to show; in a room that needs big letters
 * the drawing and the sentences come one after the other.
 */
export function trendParts(view, { large }) {
  const arisen = view.indicators.filter((indicator) => indicator.a > 0);
  const shown = arisen.length > 0 ? arisen : view.indicators.slice(0, 1);
  return shown.flatMap((indicator) =>
    large
      ? [{ indicator, drawn: false, said: true }, { indicator, drawn: true, said: false }]
      : [{ indicator, drawn: true, said: true }],
  );
}

export function trend(view, { indicator, drawn, said }, words) {
  const level = view.unit === null && indicator.level && words.levels[indicator.level];
  const title = html`<h2>${nameOf(indicator, words)}${level && html` <span class="level">${level}</span>`}</h2>`;
  return html`${drawn && html`
    <section class="chart ${indicator.status}">${title}${chart(view, indicator, words)}</section>`}${said && html`
    <section class="says ${indicator.status}">${!drawn && title}${
      indicator.a === 0
        ? html`<p class="big">${words.notArisen}</p>`
        : [now(indicator, words), gap(indicator, words), needed(indicator, words), ahead(view, indicator, words)]
    }</section>`}`;
}

function now(indicator, words) {
  const { a, b, counts } = indicator;
  const unit = counts === "procedures" ? words.procedures : words.dossiers;
  return html`<div><p class="figure"><span class="rate">${rate(indicator, words)}</span>${
    SIGNS[indicator.status]
  }<span class="unseen">${words.status[indicator.status]}</span></p>
    <p>${short(b, words)} / ${short(a, words)} ${unit}</p></div>`;
}

const said = (status, big, small) =>
  html`<div><p class="big ${status}">${big}</p><p>${small}</p></div>`;

function gap(indicator, words) {
  const [label, value] = gapWords(indicator, words);
  const bare = indicator.on_time || (!indicator.met && indicator.counts !== "procedures");
  const big = `${label.toLowerCase()} ${value}${bare ? ` ${words.dossiers}` : ""}`;
  const target = `${percent(indicator.target, words)}%`;
  return said(
    indicator.met ? "met" : "missed",
    big,
    `${words.againstTarget} ${words.atLeast}${target}`,
  );
}

/** What is expected must do for the target; nothing where nothing is expected. */
function needed({ prospect: { expected, needed: rateNeeded, outlook }, target, met }, words) {
  if (outlook === null || expected === 0) return null;
  const reach = `${percent(target, words)}%`;
  if (outlook === "certain") return said("met", words.certain, words.certainWhy);
  if (outlook === "impossible") return said("missed", words.impossible, words.impossibleWhy);
  const left = `${words.ofExpected} ${short(expected, words)} ${words.expectedLeft} ${reach}`;
  return said(met ? "" : "warning", `${words.needs} ${tenths(rateNeeded, words)}%`, left);
}

function ahead(view, { prospect, counts }, words) {
  if (!view.running || counts === "procedures") return null;
  if (prospect.rate === null) return html`<div><p>${words.noForecast}</p></div>`;
  const [low, high] = [Math.floor(prospect.low / 10), Math.ceil(prospect.high / 10)];
  const range = low === high ? `${low}%` : `${low}–${high}%`;
  return said("", range, `${words.forecastOn} ${dayParts(view.last_day).dayMonth}`);
}
