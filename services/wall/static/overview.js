// Page A «Tổng quan»: a tile for each indicator and one for all. Pure: view -> markup.

import { percent, rateTenths, short, surplusTenths, tenths, whole } from "./format.js";
import { html, raw } from "./markup.js";
import { sparkline } from "./sparkline.js";
import { SIGNS } from "./symbols.js";
import { VI } from "./words.js";

const WIDE = 6; // characters of a number beside which its words still have room
const ROOMY = 11; // characters of a fraction that leave room around its slash
const SPARK_WEEKS = 12; // a quarter, which is what a unit is asked about
const FEW = 10;

/** Of so few dossiers a rate says little; procedures of a catalogue are all there are. */
export const isFew = (a, counts) => counts === "dossiers" && a < FEW;

/** A number of open dossiers, or the least that it is; «chưa rõ» where nothing is known. */
export function counted(n, atLeast, words) {
  if (n === null || (atLeast && n === 0)) return words.unknown;
  return `${atLeast ? words.atLeast : ""}${short(n, words)}`;
}

/** The name of an indicator: the book's own, translated where there is one. */
export const nameOf = ({ code, short: name }, words) => words.shorts[code] || name;

/**
 * [{key, status, crowded, markup}], in reading order: the summary ends the first row. `dashes`: the
 * figures are too old to be shown as rates.
 */
export function tiles(view, words = VI, dashes = false) {
  const found = view.indicators.map((indicator) => ({
    key: indicator.code,
    status: indicator.status,
    crowded: indicator.due_unknown > 0,
    markup: tile(indicator, view, words, dashes),
  }));
  const columns = columnsFor(view);
  const markup = summary(view, words, dashes);
  found.splice(columns - 1, 0, { key: "summary", status: "summary", crowded: false, markup });
  return found;
}

/** Two rows, whatever the number of indicators that a unit answers for. */
export function columnsFor(view) {
  return Math.max(2, Math.ceil((view.indicators.length + 1) / 2));
}

function tile(indicator, view, words, dashes) {
  const { status } = indicator;
  const level = view.unit === null && levelWords(indicator.level, words);
  return html`
    <h2>${nameOf(indicator, words)}${level && beside(level)}</h2>
    ${status === "none" ? notArisen(words) : figure(indicator, words, dashes)}
    <div class="way">${bar(indicator)}${ahead(indicator, words)}</div>
    <dl>
      <div><dt>${fraction(indicator, words)}</dt>
        <dd class="target">${indicator.own_target && `${words.share} `}${words.atLeast}${percent(
          indicator.target,
          words,
        )}%</dd></div>
      ${dueUnknown(indicator, words)}
      <div>${status === "none" ? html`<dt>&nbsp;</dt>` : gap(indicator, words)}</div>
    </dl>`;
}

function levelWords(level, words) {
  return level === null ? words.everyLevel : words.levels[level] || level;
}

const beside = (text) => html`<span class="space"> </span><span class="level">${text}</span>`;

/** The rate as it is written large; its comma takes less room than a digit. */
export function rate({ a, b, met, target }, words) {
  const [ones, tenth] = tenths(rateTenths(a, b, met, target), words).split(words.decimal);
  if (!tenth) return html`${ones}<small>%</small>`;
  return html`${ones}<span class="comma">${words.decimal}</span>${tenth}<small>%</small>`;
}

function figure(indicator, words, dashes) {
  const { status, a, b, weeks } = indicator;
  const line = sparkline([...weeks, [a, b]].slice(-SPARK_WEEKS));
  const shown = rate(indicator, words);
  return html`
    <p class="figure"><span class="rate">${dashes ? "—" : shown}</span>
      <span class="beside">${dashes ? html`<span class="last">${shown}</span>` : SIGNS[status]}
      <span class="unseen">${words.status[status]}</span>${line}</span></p>`;
}

function notArisen(words) {
  return html`
    <p class="figure"><span class="words">${words.notArisen}</span>
      <span class="beside">${SIGNS.none}</span></p>`;
}

function bar({ a, b, target: [numerator, denominator] }) {
  const width = a === 0 ? 0 : Math.min(100, (100 * b) / a);
  const tick = Math.min(100, numerator / denominator);
  return raw(
    `<div class="bar" aria-hidden="true"><i style="width:${width.toFixed(2)}%"></i>` +
      `<b style="left:${tick.toFixed(2)}%"></b></div>`,
  );
}

/** Where the bar will end. */
function ahead({ prospect: { rate: then }, target: [numerator, denominator] }, words) {
  if (then === null) return null;
  const status = then * denominator >= 10 * numerator ? "met" : "missed";
  return html`<span class="ahead ${status}">${SIGNS.ahead}<span class="unseen">${
    words.forecast
  } </span>${tenths(then, words)}</span>`;
}

function fraction({ a, b, counts }, words) {
  if (a === 0) return whole(0);
  const [left, right] = [short(b, words), short(a, words)];
  const tight = left.length + right.length > ROOMY && "tight";
  const few = isFew(a, counts) && html` <span class="few">${words.few}</span>`;
  return html`<span class="${tight}">${left}<span class="slash">/</span>${right}</span>${few}`;
}

function dueUnknown({ due_unknown: n }, words) {
  return (
    n > 0 && html`<div class="aside"><dt>${words.dueUnknown}</dt><dd>${short(n, words)}</dd></div>`
  );
}

function gap(indicator, words) {
  const [label, value] = gapWords(indicator, words);
  return html`<dt>${label}</dt><dd class="gap">${value}</dd>`;
}

/** [label, value]: what is missing, or how far above the target; of lateness how much is left. */
export function gapWords(indicator, words) {
  const { a, b, met, on_time, late_allowed, still_needed, target, counts } = indicator;
  if (on_time) {
    const label = late_allowed < 0 ? words.tooManyLate : words.mayBeLate;
    return [label, short(Math.abs(late_allowed), words)];
  }
  if (met) return [words.exceeds, `${tenths(surplusTenths(a, b, target), words)} ${words.points}`];
  const unit = counts === "procedures" ? ` ${words.procedures}` : "";
  return [words.stillNeeded, short(still_needed, words) + unit];
}

function summary(view, words, dashes) {
  const total = view.indicators.length;
  const met = dashes ? "—" : view.met;
  return html`
    <h2>${words.summary}${beside(`${words.outOf} ${total}`)}</h2>
    <p class="figure"><span class="rate">${met}<small>/${total}</small></span>
      <span class="others">${!dashes && ["missed", "risk", "none"].map((status) =>
        tally(status, view[{ none: "not_arisen" }[status] || status], words),
      )}</span></p>
    <dl class="totals">${view.open === null ? past(view, words) : present(view, words)}</dl>`;
}

/** What is overdue now says nothing of a period that is over. */
function past(view, words) {
  return html`<div><dt>${words.resolved}</dt><dd>${short(view.resolved, words)}</dd></div>`;
}

function present(view, words) {
  const { overdue, due_soon: soon, open } = view;
  const n = (name) => {
    const text = counted(view[name], view.at_least.includes(name), words);
    return html`<dd class="${text.length > WIDE && "wide"}">${text}</dd>`;
  };
  return html`
    <div class="${overdue > 0 && "missed"}"><dt>${SIGNS.overdue} ${words.overdue}</dt>
      ${n("overdue")}</div>
    <div class="${soon > 0 && "warning"}"><dt>${SIGNS.soon} ${words.soon}</dt>${n("due_soon")}</div>
    <div class="${open >= 1e5 && "wide"}"><dt>${words.open}</dt>${n("open")}</div>`;
}

function tally(status, n, words) {
  return n > 0 && html`<span class="${status}">${SIGNS[status]}<span>${n} ${
    words.tally[status]
  }</span></span>`;
}
