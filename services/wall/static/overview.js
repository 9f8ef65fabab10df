// Page A «Tổng quan»: a tile for each indicator and one for all. Pure: view -> markup.

import { percent, rateTenths, short, surplusTenths, tenths, whole } from "./format.js";
import { html, raw } from "./markup.js";
import { sparkline } from "./sparkline.js";
import { SIGNS } from "./symbols.js";
import { WORDS } from "./words.js";

const ROOMY = 11; // characters of a fraction that leave room around its slash

export function statusOf(indicator) {
  if (indicator.met === null) return "none";
  return indicator.met ? "met" : "missed";
}

/** [{key, status, crowded, markup}], in reading order: the summary ends the first row. */
export function tiles(view) {
  const found = view.indicators.map((indicator) => ({
    key: indicator.code,
    status: statusOf(indicator),
    crowded: indicator.due_unknown > 0,
    markup: tile(indicator, view),
  }));
  const columns = columnsFor(view);
  found.splice(columns - 1, 0, { key: "summary", status: "summary", markup: summary(view) });
  return found;
}

/** Two rows, whatever the number of indicators that a unit answers for. */
export function columnsFor(view) {
  return Math.max(2, Math.ceil((view.indicators.length + 1) / 2));
}

function tile(indicator, view) {
  const status = statusOf(indicator);
  const level = view.unit === null && levelWords(indicator.level);
  return html`
    <h2>${indicator.short}${level && beside(level)}</h2>
    ${status === "none" ? notArisen() : figure(indicator, status)}
    ${bar(indicator)}
    <dl>
      <div><dt>${fraction(indicator)}</dt>
        <dd class="target">${WORDS.atLeast}${percent(indicator.target)}%</dd></div>
      ${dueUnknown(indicator)}
      <div>${status === "none" ? html`<dt>&nbsp;</dt>` : gap(indicator)}</div>
    </dl>`;
}

function levelWords(level) {
  return level === null ? WORDS.everyLevel : WORDS.levels[level] || level;
}

const beside = (words) => html`<span class="space"> </span><span class="level">${words}</span>`;

function figure(indicator, status) {
  const { a, b, met, target } = indicator;
  const [ones, tenth] = tenths(rateTenths(a, b, met, target)).split(",");
  const shown = tenth ? html`${ones}<span class="comma">,</span>${tenth}` : ones;
  return html`
    <p class="figure"><span class="rate">${shown}<small>%</small></span>
      <span class="beside">${SIGNS[status]}<span class="unseen">${WORDS.status[status]}</span>
      ${sparkline(indicator.weeks)}</span></p>`;
}

function notArisen() {
  return html`
    <p class="figure"><span class="words">${WORDS.notArisen}</span>
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

function fraction({ a, b }) {
  if (a === 0) return whole(0);
  const [left, right] = [short(b), short(a)];
  const slash = left.length + right.length > ROOMY ? "slash tight" : "slash";
  return html`${left}<span class="${slash}">/</span>${right}`;
}

function dueUnknown({ due_unknown: n }) {
  return n > 0 && html`<div class="aside"><dt>${WORDS.dueUnknown}</dt><dd>${short(n)}</dd></div>`;
}

function gap(indicator) {
  const { a, b, met, on_time, late_allowed, still_needed, target, counts } = indicator;
  if (on_time) {
    const words = late_allowed < 0 ? WORDS.tooManyLate : WORDS.mayBeLate;
    return line(words, short(Math.abs(late_allowed)));
  }
  if (met) return line(WORDS.exceeds, `${tenths(surplusTenths(a, b, target))} ${WORDS.points}`);
  const unit = counts === "procedures" ? ` ${WORDS.procedures}` : "";
  return line(WORDS.stillNeeded, short(still_needed) + unit);
}

const line = (words, value) => html`<dt>${words}</dt><dd class="gap">${value}</dd>`;

function summary(view) {
  const total = view.indicators.length;
  return html`
    <h2>${WORDS.summary}${beside(`${WORDS.outOf} ${total}`)}</h2>
    <p class="figure"><span class="rate">${view.met}<small>/${total}</small></span>
      <span class="others">
        ${tally("missed", view.missed)}${tally("none", view.not_arisen)}</span></p>
    <dl class="totals">${view.open === null ? past(view) : present(view)}</dl>`;
}

/** What is overdue now says nothing of a period that is over. */
function past(view) {
  return html`<div><dt>${WORDS.resolved}</dt><dd>${short(view.resolved)}</dd></div>`;
}

function present({ overdue, due_soon: soon, open }) {
  return html`
    <div class="${overdue > 0 && "missed"}"><dt>${SIGNS.overdue} ${WORDS.overdue}</dt>
      <dd>${short(overdue)}</dd></div>
    <div class="${soon > 0 && "warning"}">
      <dt>${SIGNS.soon} ${WORDS.soon}</dt>
      <dd>${soon === null ? WORDS.unknown : short(soon)}</dd></div>
    <div><dt>${WORDS.open}</dt><dd>${short(open)}</dd></div>`;
}

function tally(status, n) {
  return n > 0 && html`<span class="${status}">${SIGNS[status]}<span>${n} ${
    WORDS.tally[status]
  }</span></span>`;
}
